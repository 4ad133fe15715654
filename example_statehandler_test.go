package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Booking struct {
	Step  string `redis:"step"`
	Seats int    `redis:"seats"`
}

// A StateHandler holds the state of one conversation handler, by user. Mutate
// moves the conversation on.
func ExampleNewStateHandler() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	bookings, err := symphony.NewStateHandler[Booking](pools, "acme", "booking")
	if err != nil {
		log.Fatal(err)
	}

	state, err := bookings.Mutate(ctx, "u1", func(b *Booking) error {
		switch b.Step {
		case "": // the user has no state yet
			b.Step = "seats"
		case "seats":
			b.Seats, b.Step = 2, "pay"
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Step)
	// Output: seats
}
