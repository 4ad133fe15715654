package listrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// PutOff puts off the time at which a queue hands out its items, as a push does.
func ExampleListRepo_PutOff() {
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
	inbox, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.Quiet(time.Minute, time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := inbox.Push(ctx, "u1", "I want a lamp"); err != nil {
		log.Fatal(err)
	}

	if err := inbox.PutOff(ctx, "u1"); err != nil { // the user is typing
		log.Fatal(err)
	}
	claim, err := inbox.Claim(ctx, "u1", 10, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(claim.Items), "messages")
	// Output: 0 messages
}
