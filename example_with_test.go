package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Account struct {
	Name string `redis:"name"`
}

// With returns a view with more options. The original stays as it was.
func ExampleUser_With() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Account](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	create := users.With(symphony.IfAbsent())
	if err := create.Upsert(ctx, "u1", Account{Name: "Alice"}); err != nil {
		log.Fatal(err)
	}
	err = create.Upsert(ctx, "u1", Account{Name: "Bob"})
	fmt.Println(errors.Is(err, symphony.ErrExists))
	// Output: true
}
