package symphony_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Plan struct {
	Limits map[string]int `redis:"limits"`
}

// With Cached a record is read from memory until Redis reports a change.
// PeekShared returns the cached record without a copy; it must not be changed.
// The embedded server has no client tracking, so here each call asks it.
func ExampleCached() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	plans, err := symphony.NewTable[Plan](pools, "acme", "plans", symphony.Cached(time.Minute))
	if err != nil {
		log.Fatal(err)
	}

	if err := plans.Upsert(ctx, "gold", Plan{Limits: map[string]int{"seats": 50}}); err != nil {
		log.Fatal(err)
	}
	gold, err := plans.Get(ctx, "gold")
	if err != nil {
		log.Fatal(err)
	}
	gold.Limits["seats"] = 0 // a copy: no other caller sees it
	shared, err := plans.PeekShared(ctx, "gold")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(shared.Limits["seats"])
	// Output: 50
}
