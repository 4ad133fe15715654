package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Lobby struct {
	Players int `redis:"players"`
}

// Touch renews the lifetime without a write, and reports whether the record
// exists.
func ExampleHashRepo_Touch() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:lobby:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	lobbies, err := hashrepo.New[Lobby](pools, pool.Default, space, hashrepo.TTL(48*time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if err := lobbies.With(hashrepo.TTL(time.Hour)).Upsert(ctx, "l1", Lobby{Players: 2}); err != nil {
		log.Fatal(err)
	}

	exists, err := lobbies.Touch(ctx, "l1")
	if err != nil {
		log.Fatal(err)
	}
	left, err := lobbies.TTL(ctx, "l1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exists, left.Round(time.Hour))
	// Output: true 48h0m0s
}
