package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func Example() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxLen(3))
	if err != nil {
		log.Fatal(err)
	}

	length, err := jobs.Push(ctx, "resize", "a.png", "b.png")
	fmt.Println(length, err)
	_, err = jobs.Push(ctx, "resize", "c.png", "d.png")
	fmt.Println(errors.Is(err, symphony.ErrFull))
	taken, err := jobs.Pop(ctx, "resize", 10)
	fmt.Println(taken, err)
	// Output:
	// 2 <nil>
	// true
	// [a.png b.png] <nil>
}

// A worker that dies with claimed items loses nothing: they come again when its
// lease has lapsed.
func ExampleListRepo_Claim() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png", "c.png"); err != nil {
		log.Fatal(err)
	}

	claim, err := jobs.Claim(ctx, "resize", 2, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value, claim.Items[1].Value)
	fmt.Println(claim.Ack(ctx, claim.Items[0])) // done for good
	fmt.Println(claim.Release(ctx))             // the other goes back in front

	claim, err = jobs.Claim(ctx, "resize", 2, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range claim.Items {
		fmt.Println(item.Value, "attempt", item.Attempt)
	}
	fmt.Println(claim.Ack(ctx))
	// Output:
	// a.png b.png
	// <nil>
	// <nil>
	// b.png attempt 2
	// c.png attempt 1
	// <nil>
}

// Next works through a queue with one round trip for each chunk.
func ExampleClaim_Next() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png", "c.png"); err != nil {
		log.Fatal(err)
	}

	claim, err := jobs.Claim(ctx, "resize", 2, time.Minute)
	for err == nil && len(claim.Items) > 0 {
		for _, item := range claim.Items {
			fmt.Println(item.Value)
		}
		claim, err = claim.Next(ctx, 2, time.Minute)
	}
	fmt.Println(err)
	// Output:
	// a.png
	// b.png
	// c.png
	// <nil>
}

// An item that fails is parked after as many attempts as the caller grants.
func ExampleListRepo_Process() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxAttempts(2))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png", "broken.png"); err != nil {
		log.Fatal(err)
	}

	resize := func(_ context.Context, items []listrepo.Item[string]) error {
		for i, item := range items {
			if item.Value == "broken.png" {
				return listrepo.Undone(errors.New("not an image"), items[i:]...)
			}
		}
		return nil
	}
	for range 2 {
		done, err := jobs.Process(ctx, "resize", 10, resize)
		fmt.Println(done, err)
	}
	for dead, err := range jobs.Dead(ctx, "resize") {
		fmt.Println(dead.Value, dead.Attempt, err)
	}
	// Output:
	// 1 1 not done: not an image
	// 0 1 not done: not an image
	// broken.png 2 <nil>
}
