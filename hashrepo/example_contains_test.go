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

type Post struct {
	Tags []string `redis:"tags,index"`
}

var postTags = hashrepo.ListOf(func(p *Post) *[]string { return &p.Tags })

// Contains is a condition of Find: an element of the list has the value. The index
// has an entry for each element.
func ExampleList_Contains() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:post:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	posts, err := hashrepo.New[Post](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range posts.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := posts.UpsertMany(ctx,
		hashrepo.Record[Post]{ID: "p1", Value: Post{Tags: []string{"go", "redis"}}},
		hashrepo.Record[Post]{ID: "p2", Value: Post{Tags: []string{"go"}}},
	); err != nil {
		log.Fatal(err)
	}

	for post, err := range posts.Find(ctx, postTags.Contains("redis")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(post.ID)
	}
	// Output:
	// p1
}
