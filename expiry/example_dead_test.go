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

// newShipping returns a listener whose work becomes a dead letter at its first
// failure.
func newShipping(pools *pool.Pools, ship expiry.Handler) (*expiry.Listener, error) {
	registry := expiry.NewRegistry()
	if err := registry.On("ship", ship); err != nil {
		return nil, err
	}
	return expiry.NewListener(pools, registry, expiry.Config{MaxAttempts: 1, Logger: slog.New(slog.DiscardHandler)})
}

// discardAll removes the dead letters of a listener for good.
func discardAll(ctx context.Context, listener *expiry.Listener) error {
	for letter, err := range listener.Dead(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(letter.Key, letter.Failures, letter.LastError)
		if err := listener.Discard(ctx, letter); err != nil {
			return err
		}
	}
	return nil
}

// Dead yields the dead letters. They stay until Retry or Discard.
func ExampleListener_Dead() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	listener, err := newShipping(pools, func(context.Context, expiry.Event) error {
		stop() // a service goes on
		return errors.New("no such address")
	})
	if err != nil {
		log.Fatal(err)
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "ship", "7", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}

	if err := discardAll(context.Background(), listener); err != nil {
		log.Fatal(err)
	}
	// Output: acme:EXPTRIGGER:ship:7 1 no such address
}
