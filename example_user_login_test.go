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

// Login is a user who logs in with an email.
type Login struct {
	Email string `redis:"email,unique"`
	Name  string `redis:"name"`
}

var LoginEmail = hashrepo.FieldOf(func(a *Login) *string { return &a.Email })

// A unique index finds a user by email in one round trip, and refuses an email
// that another user has. Reindex is necessary once for each tenant.
func ExampleUser_login() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	logins, err := symphony.NewUser[Login](pools, "acme", symphony.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range logins.Reindex(ctx) { // when the tenant is created
		if err != nil {
			log.Fatal(err)
		}
	}

	if err := logins.Upsert(ctx, "u1", Login{"ann@example.com", "Ann"}); err != nil {
		log.Fatal(err)
	}
	err = logins.Upsert(ctx, "u2", Login{"ann@example.com", "Anna"})
	fmt.Println("taken:", errors.Is(err, symphony.ErrExists))

	found, err := logins.FindOne(ctx, LoginEmail.Eq("ann@example.com"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.ID, found.Value.Name)
	_, err = logins.FindOne(ctx, LoginEmail.Eq("bob@example.com"))
	fmt.Println("unknown:", errors.Is(err, symphony.ErrNotFound))
	// Output:
	// taken: true
	// u1 Ann
	// unknown: true
}
