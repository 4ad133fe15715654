package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// If the handler fails, its items are redelivered with a higher attempt.
func ExampleBatch_Process() {
	ctx := context.Background()
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

	done, err := mail.Process(ctx, queue, 100, func(context.Context, []listrepo.Item[string]) error {
		return errors.New("no route to host")
	})
	fmt.Println(done, err)
	done, err = mail.Process(ctx, queue, 100, func(_ context.Context, items []listrepo.Item[string]) error {
		fmt.Println(items[0].Value, "attempt", items[0].Attempt)
		return nil
	})
	fmt.Println(done, err)
	// Output:
	// 0 no route to host
	// hello attempt 2
	// 1 <nil>
}
