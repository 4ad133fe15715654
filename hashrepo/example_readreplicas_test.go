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

type Essay struct {
	Title string `redis:"title"`
}

// With ReadReplicas, replicas answer reads. Such a read may miss the caller's
// own last write, so use a view for the reads that can be stale. On a server
// without replicas, the view reads from the primary.
func ExampleReadReplicas() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:essay:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	essays, err := hashrepo.New[Essay](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := essays.Upsert(ctx, "a1", Essay{Title: "News"}); err != nil {
		log.Fatal(err)
	}

	mayBeStale := essays.With(hashrepo.ReadReplicas())
	essay, err := mayBeStale.Get(ctx, "a1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(essay.Title)
	// Output: News
}
