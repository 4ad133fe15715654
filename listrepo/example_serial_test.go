package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// One claim of a serial queue is in flight at a time. Next ends it and makes
// another one in one step.
func ExampleSerial() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:inbox:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	inbox, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.Serial())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := inbox.Push(ctx, "u1", "I want a lamp", "and a chair"); err != nil {
		log.Fatal(err)
	}

	claim, err := inbox.Claim(ctx, "u1", 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value)
	_, err = inbox.Claim(ctx, "u1", 1, time.Minute)
	fmt.Println(errors.Is(err, listrepo.ErrBusy))
	if claim, err = claim.Next(ctx, 1, time.Minute); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value)
	// Output:
	// I want a lamp
	// true
	// and a chair
}
