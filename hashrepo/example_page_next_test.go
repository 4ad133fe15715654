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

type Postcard struct {
	Subject string `redis:"subject,index"`
}

var postcardSubject = hashrepo.TextOf(func(l *Postcard) *string { return &l.Subject })

// Next is the token of the next page. It may be part of a URL.
func ExamplePage() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:postcard:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	postcards, err := hashrepo.New[Postcard](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range postcards.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := postcards.UpsertMany(ctx,
		hashrepo.Record[Postcard]{ID: "l1", Value: Postcard{Subject: "Receipt"}},
		hashrepo.Record[Postcard]{ID: "l2", Value: Postcard{Subject: "Hello"}},
	); err != nil {
		log.Fatal(err)
	}

	query := hashrepo.Query[Postcard]{Order: postcardSubject.Asc(), Limit: 1}
	first, err := postcards.Page(ctx, query)
	if err != nil {
		log.Fatal(err)
	}
	query.After = first.Next
	second, err := postcards.Page(ctx, query)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.Records[0].ID, second.Records[0].ID, second.Next == "")
	// Output:
	// l2 l1 true
}
