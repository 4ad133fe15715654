package recipes_test

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

// Debounce into a batch: what a user sends is handled together, when nothing
// came for a while. The items and the time of their work are stored in one
// step, so no timer is lost if a process dies. A service would use seconds.
func Example_debounce() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	// At once after 200 ms of silence, and at the latest after 5 seconds.
	edits, err := symphony.NewBatch[string](pools, "acme", symphony.Quiet(200*time.Millisecond, 5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	document := symphony.Queue{Service: "search", Entity: "doc7", Action: "index"}
	for _, edit := range []string{"title", "body", "body"} {
		if _, err := edits.Enqueue(ctx, document, edit); err != nil {
			log.Fatal(err)
		}
	}

	err = symphony.WorkBatches(ctx, pools, "search", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
		fmt.Printf("index %s of %s once, for %d edits\n", q.Entity, tenant, len(items))
		stop() // of this example: one batch is enough
		return nil
	}, symphony.WorkConfig{})
	if err != nil {
		log.Fatal(err)
	}
	// Output: index doc7 of acme once, for 3 edits
}
