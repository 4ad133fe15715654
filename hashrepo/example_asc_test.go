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

type Runner struct {
	Seconds float64 `redis:"seconds,index"`
}

var runnerSeconds = hashrepo.NumberOf(func(r *Runner) *float64 { return &r.Seconds })

// Asc is an order of Page, the least value first.
func ExampleField_Asc() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:runner:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	runners, err := hashrepo.New[Runner](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range runners.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := runners.UpsertMany(ctx,
		hashrepo.Record[Runner]{ID: "ann", Value: Runner{Seconds: 61.5}},
		hashrepo.Record[Runner]{ID: "bob", Value: Runner{Seconds: 9.8}},
		hashrepo.Record[Runner]{ID: "cid", Value: Runner{Seconds: 10.2}},
	); err != nil {
		log.Fatal(err)
	}

	page, err := runners.Page(ctx, hashrepo.Query[Runner]{Order: runnerSeconds.Asc(), Limit: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, runner := range page.Records {
		fmt.Println(runner.ID)
	}
	// Output:
	// bob
	// cid
}
