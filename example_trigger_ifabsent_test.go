package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With IfAbsent the first Set decides on the due time, and later ones do not
// move it.
func ExampleTrigger_With() {
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
	once := triggers.With(symphony.IfAbsent())

	if err := once.Set(ctx, "close", "chat9", 48*time.Hour); err != nil {
		log.Fatal(err)
	}
	err = once.Set(ctx, "close", "chat9", time.Hour)
	fmt.Println(errors.Is(err, symphony.ErrExists))
	// Output: true
}
