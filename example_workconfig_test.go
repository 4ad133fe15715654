package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// traced prints each chunk and its result.
func traced(next func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		work, _ := symphony.WorkFrom(ctx)
		fmt.Printf("%s of %s: %d items, attempt %d\n", work.Queue.Action, work.Tenant, work.Items, work.Attempt)
		err := next(ctx)
		fmt.Println("result:", err)
		return err
	}
}

// A middleware runs around each chunk. WorkFrom returns the work that it is
// about.
func ExampleWorkConfig() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello", "are you there?"); err != nil {
		log.Fatal(err)
	}

	send := func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error {
		stop() // a service goes on
		return nil
	}
	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{
		Workers:     4,
		MaxAttempts: 5,
		OnError:     func(err *symphony.WorkError) { log.Print(err) },
		Use:         []func(func(context.Context) error) func(context.Context) error{traced},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// send of acme: 2 items, attempt 1
	// result: <nil>
}
