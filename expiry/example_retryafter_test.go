package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A handler that knows when to try again sets the time of the next attempt. The
// delay of Config.Backoff does not apply.
func ExampleRetryAfter() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("remind", func(_ context.Context, e expiry.Event) error {
		fmt.Printf("attempt %d, last error %q\n", e.Attempt, e.LastError)
		if e.Attempt == 1 {
			return expiry.RetryAfter(10*time.Millisecond, errors.New("the mail server is busy"))
		}
		stop() // a service goes on
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "remind", "u1", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// attempt 1, last error ""
	// attempt 2, last error "the mail server is busy"
}
