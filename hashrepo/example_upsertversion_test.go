package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// UpsertVersion returns the new version, so that the same value can be written
// again without being read.
func ExampleHashRepo_UpsertVersion() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:article:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	articles, err := hashrepo.New[Article](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	var article Article
	for _, text := range []string{"first", "second"} {
		article.Text = text
		article.Version, err = articles.UpsertVersion(ctx, "a1", article)
		fmt.Println(article.Version, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
}
