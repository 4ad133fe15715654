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

type Story struct {
	Topic   string `redis:"topic,index"`
	Written int    `redis:"written,index"`
}

var (
	storyTopic   = hashrepo.FieldOf(func(a *Story) *string { return &a.Topic })
	storyWritten = hashrepo.NumberOf(func(a *Story) *int { return &a.Written })
)

// Page returns the records of one page, and the token of the next one.
func ExampleHashRepo_Page() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:story:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	stories, err := hashrepo.New[Story](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range stories.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := stories.UpsertMany(ctx,
		hashrepo.Record[Story]{ID: "a1", Value: Story{Topic: "go", Written: 2024}},
		hashrepo.Record[Story]{ID: "a2", Value: Story{Topic: "redis", Written: 2025}},
		hashrepo.Record[Story]{ID: "a3", Value: Story{Topic: "go", Written: 2026}},
	); err != nil {
		log.Fatal(err)
	}

	newest := hashrepo.Query[Story]{
		Where: []hashrepo.Cond[Story]{storyTopic.Eq("go")},
		Order: storyWritten.Desc(),
		Limit: 1,
	}
	for {
		page, err := stories.Page(ctx, newest)
		if err != nil {
			log.Fatal(err)
		}
		for _, story := range page.Records {
			fmt.Println(story.ID)
		}
		if page.Next == "" {
			break
		}
		newest.After = page.Next
	}
	// Output:
	// a3
	// a1
}
