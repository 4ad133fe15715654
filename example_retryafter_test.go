package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A handler that knows when to try again sets the time of the next attempt. The
// delay of WorkConfig.Backoff does not apply.
func ExampleRetryAfter() {
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
	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}

	send := func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
		fmt.Println("attempt", items[0].Attempt)
		if items[0].Attempt == 1 {
			return symphony.RetryAfter(10*time.Millisecond, errors.New("the mail server is busy"))
		}
		stop() // a service goes on
		return nil
	}
	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{
		OnError: func(err *symphony.WorkError) { fmt.Println(err.Err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// attempt 1
	// the mail server is busy
	// attempt 2
}
