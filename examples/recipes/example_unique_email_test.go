package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Account struct {
	Name  string `redis:"name"`
	Email string `redis:"email,unique"`
}

var email = hashrepo.FieldOf(func(a *Account) *string { return &a.Email })

// normalized is the email as it is stored. An index compares bytes.
func normalized(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// signUp creates an account. The check that nobody has the email and the write
// are one atomic step.
func signUp(ctx context.Context, accounts *symphony.User[Account], id string, a Account) error {
	a.Email = normalized(a.Email)
	return accounts.With(symphony.IfAbsent()).Upsert(ctx, id, a)
}

// A unique email: two accounts cannot have one, and a login finds the account
// in one round trip.
func Example_uniqueEmail() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	accounts, err := symphony.NewUser[Account](pools, "acme", symphony.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range accounts.Reindex(ctx) { // once, when the tenant is created
		if err != nil {
			log.Fatal(err)
		}
	}

	if err := signUp(ctx, accounts, "u1", Account{"Alice", "Alice@example.com "}); err != nil {
		log.Fatal(err)
	}
	err = signUp(ctx, accounts, "u2", Account{"Mallory", "alice@example.com"})
	fmt.Println("taken:", errors.Is(err, symphony.ErrExists))

	found, err := accounts.FindOne(ctx, email.Eq(normalized("alice@EXAMPLE.com")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.ID, found.Value.Name)

	// A change of the email moves it in the index, in the same step.
	if err := accounts.Update(ctx, "u1", email.Set("al@example.com")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(signUp(ctx, accounts, "u2", Account{"Bob", "alice@example.com"}))
	// Output:
	// taken: true
	// u1 Alice
	// <nil>
}
