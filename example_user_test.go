package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Person struct {
	Name  string `redis:"name"`
	Email string `redis:"email"`
}

var personEmail = hashrepo.FieldOf(func(p *Person) *string { return &p.Email })

// NewUser makes the repository of a tenant's users. Another tenant's
// repository does not see them.
func ExampleNewUser() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	acme, err := symphony.NewUser[Person](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	globex, err := symphony.NewUser[Person](pools, "globex")
	if err != nil {
		log.Fatal(err)
	}

	if err := acme.Upsert(ctx, "u1", Person{Name: "Alice", Email: "alice@example.com"}); err != nil {
		log.Fatal(err)
	}
	found, err := acme.FindOne(ctx, personEmail.Eq("alice@example.com"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.ID, found.Value.Name)
	_, err = globex.Get(ctx, "u1")
	fmt.Println(errors.Is(err, symphony.ErrNotFound))
	// Output:
	// u1 Alice
	// true
}
