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

// newBilling returns a listener whose work becomes a dead letter at its first
// failure.
func newBilling(pools *pool.Pools, bill expiry.Handler) (*expiry.Listener, error) {
	registry := expiry.NewRegistry()
	if err := registry.On("bill", bill); err != nil {
		return nil, err
	}
	return expiry.NewListener(pools, registry, expiry.Config{MaxAttempts: 1, Logger: slog.New(slog.DiscardHandler)})
}

// retryAll retries the dead letters of a listener.
func retryAll(ctx context.Context, listener *expiry.Listener) error {
	for letter, err := range listener.Dead(ctx) {
		if err != nil {
			return err
		}
		if err := listener.Retry(ctx, letter); err != nil {
			return err
		}
		fmt.Println("retry", letter.ID)
	}
	return nil
}

// Retry redelivers a dead letter, such as after a repair, and counts its
// failures anew.
func ExampleListener_Retry() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	listener, err := newBilling(pools, func(context.Context, expiry.Event) error {
		stop() // a service goes on
		return errors.New("the bank is closed")
	})
	if err != nil {
		log.Fatal(err)
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "bill", "7", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}

	if err := retryAll(context.Background(), listener); err != nil {
		log.Fatal(err)
	}
	// Output: retry 7
}
