package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Each message postpones the summary by five seconds, but by no more than a
// minute after the first message.
func ExampleTrigger_Debounce() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	for range 3 {
		if err := triggers.Debounce(ctx, "summarize", "chat9", 5*time.Second, time.Minute); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(triggers.Delete(ctx, "summarize", "chat9"))
	fmt.Println(triggers.Delete(ctx, "summarize", "chat9"))
	// Output:
	// true <nil>
	// false <nil>
}
