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

var errNoSuchUser = errors.New("no such user")

// A handler that can never succeed gives up. Its work becomes a dead letter at
// the first attempt.
func ExampleGiveUp() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	remind := func(context.Context, expiry.Event) error { return errNoSuchUser }
	registry := expiry.NewRegistry()
	err = registry.On("remind", func(ctx context.Context, e expiry.Event) error {
		defer stop() // a service goes on
		err := remind(ctx, e)
		if errors.Is(err, errNoSuchUser) {
			return expiry.GiveUp(err)
		}
		return err
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

	for letter, err := range listener.Dead(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(letter.ID, "after", letter.Attempt, "attempt:", letter.LastError)
	}
	// Output: u1 after 1 attempt: no such user
}
