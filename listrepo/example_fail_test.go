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

// Fail is Release with the reason. If no attempt is left, the item becomes a
// dead letter that carries it.
func ExampleClaim_Fail() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:jobs:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "broken.png"); err != nil {
		log.Fatal(err)
	}
	claim, err := jobs.Claim(ctx, "resize", 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}

	if err := claim.Fail(ctx, errors.New("not an image")); err != nil {
		log.Fatal(err)
	}
	for dead, err := range jobs.Dead(ctx, "resize") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dead.Value, dead.Reason)
	}
	// Output: broken.png not an image
}
