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

type Invoice struct {
	Cents int64 `redis:"cents"`
}

var invoiceCents = hashrepo.NumberOf(func(i *Invoice) *int64 { return &i.Cents })

// Stamp sets a field that the record type need not declare, in the same atomic
// step as the other patches.
func ExampleStamp() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:invoice:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	invoices, err := hashrepo.New[Invoice](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := invoices.Update(ctx, "i1", invoiceCents.Add(700), hashrepo.Stamp[Invoice]("changed_by", "import")); err != nil {
		log.Fatal(err)
	}

	redis, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	command := redis.B().Hget().Key("acme:invoice:i1").Field("changed_by").Build()
	changedBy, err := redis.Do(ctx, command).ToString()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changedBy)
	// Output: import
}
