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

// A serial queue keeps its order. If an item fails, those behind it wait until
// it is done.
func ExampleSerial() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	inbox, err := symphony.NewBatch[string](pools, "acme", symphony.Serial())
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "chat", Entity: "u1", Action: "answer"}
	if _, err := inbox.Enqueue(ctx, queue, "I want a lamp", "and a chair"); err != nil {
		log.Fatal(err)
	}

	answer := func(_ context.Context, items []listrepo.Item[string]) error {
		fmt.Println(items[0].Value, "- attempt", items[0].Attempt)
		if items[0].Value == "I want a lamp" && items[0].Attempt == 1 {
			return errors.New("the model is overloaded")
		}
		return nil
	}
	for range 3 {
		if _, err := inbox.Process(ctx, queue, 1, answer); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// I want a lamp - attempt 1
	// the model is overloaded
	// I want a lamp - attempt 2
	// and a chair - attempt 1
}
