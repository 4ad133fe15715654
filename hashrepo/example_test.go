package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Session struct {
	User  string   `redis:"user"`
	Hits  int64    `redis:"hits"`
	Pages []string `redis:"pages"`
}

// The pattern of the keys is compiled once, when the program starts.
var sessionKeys = keyspace.MustCompile("{tenant}:session:{id}")

// A repository of your own is a record type, a pattern for its keys, and New.
func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := sessionKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := hashrepo.New[Session](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := sessions.Upsert(ctx, "s1", Session{User: "Alice"}); err != nil {
		log.Fatal(err)
	}
	if _, err := sessions.IncrementField(ctx, "s1", "hits", 2); err != nil {
		log.Fatal(err)
	}
	if err := sessions.AppendToList(ctx, "s1", "pages", "/", "/orders"); err != nil {
		log.Fatal(err)
	}
	session, err := sessions.Get(ctx, "s1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", session)
	// Output: {User:Alice Hits:2 Pages:[/ /orders]}
}
