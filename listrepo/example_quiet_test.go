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

// A queue with Quiet hands out nothing until no push came for a while.
func ExampleQuiet() {
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
	inbox, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.Quiet(100*time.Millisecond, time.Second))
	if err != nil {
		log.Fatal(err)
	}
	for _, message := range []string{"I want a lamp", "and a chair"} {
		if _, err := inbox.Push(ctx, "u1", message); err != nil {
			log.Fatal(err)
		}
	}

	for range time.Tick(10 * time.Millisecond) {
		claim, err := inbox.Claim(ctx, "u1", 10, time.Minute)
		if err != nil {
			log.Fatal(err)
		}
		if len(claim.Items) > 0 {
			fmt.Println(len(claim.Items), "messages")
			return
		}
	}
	// Output: 2 messages
}
