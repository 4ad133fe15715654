package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/expiry"
)

// A registry has one handler for each action. If an action already has one, On
// returns ErrRegistered.
func ExampleRegistry_On() {
	registry := expiry.NewRegistry()
	remind := func(_ context.Context, e expiry.Event) error {
		fmt.Println("remind", e.ID)
		return nil
	}

	if err := registry.On("remind", remind); err != nil {
		log.Fatal(err)
	}
	err := registry.On("remind", remind)
	fmt.Println(errors.Is(err, expiry.ErrRegistered))
	// Output: true
}
