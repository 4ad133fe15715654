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

// A tenant may use 1,000 tokens of a model in a minute. The tokens of a call are
// known after it, so the program takes an estimate and settles the difference.
func ExampleLimiter() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	limits, err := symphony.NewLimiter(pools, "acme", symphony.Rate{Limit: 1000, Per: time.Minute})
	if err != nil {
		log.Fatal(err)
	}

	grant, err := limits.Take(ctx, "tokens", 800)
	if err != nil {
		log.Fatal(err)
	}
	used := int64(300) // as the model reports
	if err := limits.Settle(ctx, grant, used); err != nil {
		log.Fatal(err)
	}
	_, err = limits.Take(ctx, "tokens", 700)
	fmt.Println(err)

	_, err = limits.Take(ctx, "tokens", 500)
	var limit *symphony.LimitError
	if errors.As(err, &limit) {
		fmt.Println(limit.Name, "in", limit.RetryAfter.Round(10*time.Second))
	}
	// Output:
	// <nil>
	// tokens in 30s
}
