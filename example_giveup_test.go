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

// A handler gives up an item that can never be done. It becomes a dead letter
// at its first attempt, and the others are done.
func ExampleGiveUp() {
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
	if _, err := mail.Enqueue(ctx, queue, "hello", ""); err != nil {
		log.Fatal(err)
	}

	send := func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
		var empty []listrepo.Item[string]
		for _, item := range items {
			if item.Value == "" {
				empty = append(empty, item)
				continue
			}
			fmt.Println("sent:", item.Value)
		}
		if len(empty) == 0 {
			return nil
		}
		return symphony.GiveUp(listrepo.Undone(errors.New("the letter is empty"), empty...))
	}
	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{
		OnError: func(err *symphony.WorkError) {
			fmt.Println(err.Err)
			stop() // a service goes on
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for letter, err := range mail.Dead(context.Background(), queue) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q after %d attempt: %s\n", letter.Value, letter.Attempt, letter.Reason)
	}
	// Output:
	// sent: hello
	// 1 not done: the letter is empty
	// "" after 1 attempt: 1 not done: the letter is empty
}
