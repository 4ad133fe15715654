package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Guest struct {
	Name string `redis:"name"`
	Room int    `redis:"room"`
}

// If the record does not exist, Get returns ErrNotFound.
func ExampleHashRepo_Get() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:guest:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	guests, err := hashrepo.New[Guest](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := guests.Upsert(ctx, "g1", Guest{Name: "Alice", Room: 12}); err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"g1", "g2"} {
		guest, err := guests.Get(ctx, id)
		switch {
		case errors.Is(err, hashrepo.ErrNotFound):
			fmt.Println("no guest", id)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(guest.Name, guest.Room)
		}
	}
	// Output:
	// Alice 12
	// no guest g2
}
