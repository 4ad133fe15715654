package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Article struct {
	Text    string `redis:"text"`
	Version int64  `redis:"version,version"`
}

// A type with a version field has optimistic concurrency: if another writer
// changed the record since it was read, Upsert returns ErrConflict and writes
// nothing.
func ExampleHashRepo_Upsert_conflict() {
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
	if err := articles.Upsert(ctx, "a1", Article{Text: "first"}); err != nil {
		log.Fatal(err)
	}

	mine, err := articles.Get(ctx, "a1")
	if err != nil {
		log.Fatal(err)
	}
	theirs := mine
	theirs.Text = "theirs"
	if err := articles.Upsert(ctx, "a1", theirs); err != nil {
		log.Fatal(err)
	}

	mine.Text = "mine"
	err = articles.Upsert(ctx, "a1", mine)
	fmt.Println(mine.Version, errors.Is(err, hashrepo.ErrConflict))
	// Output: 1 true
}
