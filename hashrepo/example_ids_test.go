package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Draft struct {
	Text string `redis:"text"`
}

// IDs yields the ids alone, without a read of the records.
func ExampleHashRepo_IDs() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:draft:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	drafts, err := hashrepo.New[Draft](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := drafts.Upsert(ctx, "b", Draft{Text: "second"}); err != nil {
		log.Fatal(err)
	}
	if err := drafts.Upsert(ctx, "a", Draft{Text: "first"}); err != nil {
		log.Fatal(err)
	}

	var ids []string
	for id, err := range drafts.IDs(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids) // SCAN has no order
	fmt.Println(ids)
	// Output: [a b]
}
