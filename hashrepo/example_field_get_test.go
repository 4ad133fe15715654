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

type Report struct {
	Title string `redis:"title"`
	Body  string `redis:"body"`
}

var reportTitle = hashrepo.FieldOf(func(r *Report) *string { return &r.Title })

// Get reads one field. The large body of the report is not sent.
func ExampleField_Get() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:report:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	reports, err := hashrepo.New[Report](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := reports.Upsert(ctx, "r1", Report{Title: "Q1", Body: "..."}); err != nil {
		log.Fatal(err)
	}

	title, err := reportTitle.Get(ctx, reports, "r1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(title)
	// Output: Q1
}
