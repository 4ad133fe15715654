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

type Phone struct {
	Number string `redis:"number"`
	PIN    string `redis:"pin"`
}

// DeleteField removes fields and keeps the record.
func ExampleHashRepo_DeleteField() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:phone:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	phones, err := hashrepo.New[Phone](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := phones.Upsert(ctx, "p1", Phone{Number: "555-0100", PIN: "1234"}); err != nil {
		log.Fatal(err)
	}

	removed, err := phones.DeleteField(ctx, "p1", "pin")
	if err != nil {
		log.Fatal(err)
	}
	phone, err := phones.Get(ctx, "p1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %+v\n", removed, phone)
	// Output: 1 {Number:555-0100 PIN:}
}
