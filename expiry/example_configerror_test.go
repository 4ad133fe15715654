package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// NewListener returns all mistakes in a Config together, a ConfigError each.
func ExampleConfigError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("remind", func(context.Context, expiry.Event) error { return nil })
	if err != nil {
		log.Fatal(err)
	}

	_, err = expiry.NewListener(pools, registry, expiry.Config{Workers: -1})
	var mistake *expiry.ConfigError
	if errors.As(err, &mistake) {
		fmt.Println(mistake.Field)
	}
	// Output: Workers
}
