package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A dead letter has the item, its last attempt, and the reason.
func ExampleDeadLetter() {
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
	_, err = jobs.Process(ctx, "resize", 1, func(context.Context, []listrepo.Item[string]) error {
		return errors.New("not an image")
	})
	fmt.Println(err)

	for dead, err := range jobs.Dead(ctx, "resize") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s after attempt %d: %s; stored as %s\n", dead.Value, dead.Attempt, dead.Reason, dead.Raw)
	}
	// Output:
	// not an image
	// broken.png after attempt 1: not an image; stored as broken.png
}
