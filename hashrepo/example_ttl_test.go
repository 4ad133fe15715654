package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Token struct {
	User string `redis:"user"`
}

// TTL sets the lifetime of the records. Each write renews it.
func ExampleTTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:token:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := hashrepo.New[Token](pools, pool.Default, space, hashrepo.TTL(48*time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if err := tokens.Upsert(ctx, "t1", Token{User: "Alice"}); err != nil {
		log.Fatal(err)
	}

	left, err := tokens.TTL(ctx, "t1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left.Round(time.Hour))

	err = tokens.With(hashrepo.TTL(0)).Upsert(ctx, "t2", Token{User: "Bob"})
	fmt.Println(errors.Is(err, hashrepo.ErrInvalidTTL))
	// Output:
	// 48h0m0s
	// true
}
