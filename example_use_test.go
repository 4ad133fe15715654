package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

var plan = scope.NewKey[string]("plan")

// withPlan adds the plan of the tenant to the context.
func withPlan(plans map[string]string) func(next func(context.Context) error) func(context.Context) error {
	return func(next func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			id, _ := scope.From(ctx)
			return next(plan.With(ctx, plans[id.Tenant]))
		}
	}
}

// A middleware adds values to the context of the handler. The context carries
// the tenant.
func ExampleWorkConfig_use() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}

	send := func(ctx context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[string]) error {
		fmt.Println(plan.From(ctx))
		stop() // a service goes on
		return nil
	}
	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{
		Use: []func(func(context.Context) error) func(context.Context) error{
			withPlan(map[string]string{"acme": "gold"}),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: gold true
}
