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

type Racer struct {
	Score int `redis:"score,index"`
}

var racerScore = hashrepo.NumberOf(func(p *Racer) *int { return &p.Score })

// AtLeast is a condition of Find: the field has the value or a greater one.
func ExampleField_AtLeast() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:racer:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	racers, err := hashrepo.New[Racer](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range racers.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := racers.UpsertMany(ctx,
		hashrepo.Record[Racer]{ID: "ann", Value: Racer{Score: 90}},
		hashrepo.Record[Racer]{ID: "bob", Value: Racer{Score: 100}},
		hashrepo.Record[Racer]{ID: "cid", Value: Racer{Score: 110}},
	); err != nil {
		log.Fatal(err)
	}

	for racer, err := range racers.Find(ctx, racerScore.AtLeast(100)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(racer.ID)
	}
	// Output:
	// bob
	// cid
}
