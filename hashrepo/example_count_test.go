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

type PageView struct {
	Page string `redis:"page,index"`
}

var viewedPage = hashrepo.FieldOf(func(v *PageView) *string { return &v.Page })

// Count returns the number of records for which conditions hold.
func ExampleHashRepo_Count() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:pageView:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	pageViews, err := hashrepo.New[PageView](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range pageViews.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := pageViews.UpsertMany(ctx,
		hashrepo.Record[PageView]{ID: "v1", Value: PageView{Page: "home"}},
		hashrepo.Record[PageView]{ID: "v2", Value: PageView{Page: "about"}},
		hashrepo.Record[PageView]{ID: "v3", Value: PageView{Page: "home"}},
	); err != nil {
		log.Fatal(err)
	}

	all, err := pageViews.Count(ctx)
	if err != nil {
		log.Fatal(err)
	}
	home, err := pageViews.Count(ctx, viewedPage.Eq("home"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(all, home)
	// Output:
	// 3 2
}
