package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A quiet queue waits until nothing more comes. The message and the debounce
// are one step, so that a message is handled even if its sender dies.
func ExampleQuiet() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	inbox, err := symphony.NewBatch[string](pools, "acme", symphony.Quiet(200*time.Millisecond, 5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "chat", Entity: "u1", Action: "answer"}
	for _, message := range []string{"I want a lamp", "and a chair"} {
		if _, err := inbox.Enqueue(ctx, queue, message); err != nil {
			log.Fatal(err)
		}
	}

	working, stop := context.WithCancel(ctx)
	defer stop()
	answer := func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
		for _, item := range items {
			fmt.Println(tenant, q.Entity, item.Value)
		}
		stop()
		return nil
	}
	if err := symphony.WorkBatches(working, pools, "chat", answer, symphony.WorkConfig{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// acme u1 I want a lamp
	// acme u1 and a chair
}
