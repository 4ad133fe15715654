package kvrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// GetMany returns the values in the order of the IDs, in one round trip. It
// leaves out values that do not exist.
func ExampleKVRepo_GetMany() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:stock:{item}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	stock, err := kvrepo.New[int](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := stock.Set(ctx, "cup", 12); err != nil {
		log.Fatal(err)
	}
	if err := stock.Set(ctx, "plate", 7); err != nil {
		log.Fatal(err)
	}

	records, err := stock.GetMany(ctx, "plate", "fork", "cup")
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range records {
		fmt.Println(record.ID, record.Value)
	}
	// Output:
	// plate 7
	// cup 12
}
