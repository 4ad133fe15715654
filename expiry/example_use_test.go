package expiry_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

var plan = scope.NewKey[string]("plan")

// withPlan adds the plan of the tenant to the context.
func withPlan(plans map[string]string) expiry.Middleware {
	return func(next expiry.Handler) expiry.Handler {
		return func(ctx context.Context, e expiry.Event) error {
			id, _ := scope.From(ctx)
			return next(plan.With(ctx, plans[id.Tenant]), e)
		}
	}
}

// traced prints each attempt and its result.
func traced(next expiry.Handler) expiry.Handler {
	return func(ctx context.Context, e expiry.Event) error {
		fmt.Printf("%s %s of %s, attempt %d\n", e.Action, e.ID, e.Tenant, e.Attempt)
		err := next(ctx, e)
		fmt.Println("result:", err)
		return err
	}
}

// The middleware of a registry runs around the handlers of all actions. The
// first one is the outermost.
func ExampleRegistry_Use() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	registry.Use(traced, withPlan(map[string]string{"acme": "gold"}))
	err = registry.On("remind", func(ctx context.Context, _ expiry.Event) error {
		fmt.Println(plan.From(ctx))
		stop() // a service goes on
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, registry, expiry.Config{})
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
	// remind u1 of acme, attempt 1
	// gold true
	// result: <nil>
}
