package expiry_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The zero Config uses the defaults. This one is for slow work that may fail
// for hours.
func ExampleConfig() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("encode", func(context.Context, expiry.Event) error { return nil })
	if err != nil {
		log.Fatal(err)
	}

	listener, err := expiry.NewListener(pools, registry, expiry.Config{
		Workers:     2,               // handlers at once in this process
		Lease:       time.Minute,     // renewed while a handler runs
		StopTimeout: 5 * time.Minute, // for the handlers to finish at a shutdown
		MaxAttempts: 48,
		Backoff:     func(int, error) time.Duration { return time.Hour },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Stats().Running)
	// Output: 0
}
