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

type Match struct {
	Points int `redis:"points,index"`
}

var matchPoints = hashrepo.NumberOf(func(m *Match) *int { return &m.Points })

// Desc is an order of Page, the greatest value first.
func ExampleField_Desc() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:match:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	matches, err := hashrepo.New[Match](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range matches.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := matches.UpsertMany(ctx,
		hashrepo.Record[Match]{ID: "m1", Value: Match{Points: 3}},
		hashrepo.Record[Match]{ID: "m2", Value: Match{Points: 12}},
		hashrepo.Record[Match]{ID: "m3", Value: Match{Points: 7}},
	); err != nil {
		log.Fatal(err)
	}

	page, err := matches.Page(ctx, hashrepo.Query[Match]{Order: matchPoints.Desc(), Limit: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, match := range page.Records {
		fmt.Println(match.ID)
	}
	// Output:
	// m2
	// m3
}
