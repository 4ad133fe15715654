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

type Member struct {
	Email string `redis:"email"`
	Name  string `redis:"name"`
}

var memberEmail = hashrepo.FieldOf(func(m *Member) *string { return &m.Email })

// FindOne returns one record that meets the conditions. If there is none, it
// returns ErrNotFound.
func ExampleHashRepo_FindOne() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:member:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	members, err := hashrepo.New[Member](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := members.Upsert(ctx, "m1", Member{Email: "alice@example.com", Name: "Alice"}); err != nil {
		log.Fatal(err)
	}

	member, err := members.FindOne(ctx, memberEmail.Eq("alice@example.com"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(member.ID, member.Value.Name)

	_, err = members.FindOne(ctx, memberEmail.Eq("bob@example.com"))
	fmt.Println(errors.Is(err, hashrepo.ErrNotFound))
	// Output:
	// m1 Alice
	// true
}
