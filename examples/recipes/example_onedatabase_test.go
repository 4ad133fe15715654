package recipes_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A server with one database, as most managed ones: all pools share it, and
// each has its own prefix. A server with 16 databases needs no setting.
func Example_oneDatabase() {
	ctx := context.Background()
	cfg := pool.Config{SingleDatabase: true}
	pools, err := embedded.Open(ctx, cfg) // on a server: cfg.URL and pool.Open
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Account](pools, "acme", symphony.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	settings, err := symphony.NewGeneric[map[string]int](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := users.Upsert(ctx, "u1", Account{"Alice", "alice@example.com"}); err != nil {
		log.Fatal(err)
	}
	if err := settings.Set(ctx, "limits", map[string]int{"per_minute": 60}); err != nil {
		log.Fatal(err)
	}

	client, err := pools.Client(pool.Default) // any alias: they share the database
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"user:acme:user:u1", "default:acme:limits"} {
		n, err := client.Do(ctx, client.B().Exists().Key(key).Build()).AsInt64()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key, n)
	}
	// Output:
	// user:acme:user:u1 1
	// default:acme:limits 1
}
