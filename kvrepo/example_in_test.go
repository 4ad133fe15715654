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

var alertKeys = keyspace.MustCompile("{tenant}:alert:{room}:{id}")

// In returns a view of the repository over another space, here that of another
// room.
func ExampleKVRepo_In() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	kitchen, err := alertKeys.Bind("acme", "kitchen")
	if err != nil {
		log.Fatal(err)
	}
	cellar, err := alertKeys.Bind("acme", "cellar")
	if err != nil {
		log.Fatal(err)
	}
	alerts, err := kvrepo.New[string](pools, pool.Default, kitchen)
	if err != nil {
		log.Fatal(err)
	}

	if err := alerts.Set(ctx, "1", "smoke"); err != nil {
		log.Fatal(err)
	}
	if err := alerts.In(cellar).Set(ctx, "1", "water"); err != nil {
		log.Fatal(err)
	}
	alert, err := alerts.In(cellar).Get(ctx, "1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(alert)
	// Output: water
}
