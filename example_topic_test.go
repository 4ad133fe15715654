package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Everybody who listens receives a message, and nobody keeps it. A subscriber
// that missed messages learns it.
func ExampleTopic() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	settings, err := symphony.NewTopic[string](pools, "acme", "settings")
	if err != nil {
		log.Fatal(err)
	}

	go func() {
		for { // until somebody listens
			if n, err := settings.Publish(ctx, "the theme has changed"); n > 0 || err != nil {
				return
			}
		}
	}()
	for message, err := range settings.Subscribe(ctx) {
		if errors.Is(err, symphony.ErrLagged) {
			continue // read the settings again
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(message)
		break
	}
	// Output:
	// the theme has changed
}
