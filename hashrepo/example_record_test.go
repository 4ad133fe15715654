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

type Color struct {
	Hex string `redis:"hex"`
}

// A Record is a value with its id. GetMany returns records, and UpsertMany
// takes them.
func ExampleRecord() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:color:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	colors, err := hashrepo.New[Color](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	err = colors.UpsertMany(ctx, hashrepo.Record[Color]{ID: "red", Value: Color{Hex: "f00"}}, hashrepo.Record[Color]{ID: "blue", Value: Color{Hex: "00f"}})
	if err != nil {
		log.Fatal(err)
	}

	records, err := colors.GetMany(ctx, "blue", "green", "red")
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range records {
		fmt.Println(record.ID, record.Value.Hex)
	}
	// Output:
	// blue 00f
	// red f00
}
