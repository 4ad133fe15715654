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

type Signup struct {
	Email string `redis:"email"`
}

// With IfAbsent, a write creates a record and changes no existing one.
func ExampleIfAbsent() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:signup:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	signups, err := hashrepo.New[Signup](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	create := signups.With(hashrepo.IfAbsent())

	for _, email := range []string{"alice@example.com", "bob@example.com"} {
		err := create.Upsert(ctx, "team-name", Signup{Email: email})
		switch {
		case errors.Is(err, hashrepo.ErrExists):
			fmt.Println("taken")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("yours,", email)
		}
	}
	// Output:
	// yours, alice@example.com
	// taken
}
