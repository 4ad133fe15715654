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

// SetMany writes values in one round trip. Each write is atomic; all writes
// together are not. The error joins those of the writes that failed.
func ExampleKVRepo_SetMany() {
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

	err = stock.SetMany(ctx,
		kvrepo.Record[int]{ID: "cup", Value: 12},
		kvrepo.Record[int]{ID: "plate", Value: 7},
	)
	if err != nil {
		log.Fatal(err)
	}
	plates, err := stock.Get(ctx, "plate")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plates)
	// Output: 7
}
