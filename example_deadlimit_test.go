package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With DeadLimit, a queue keeps the last dead letters only.
func ExampleDeadLimit() {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler) // a service reads the warnings
	pools, err := embedded.Open(ctx, pool.Config{Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme", symphony.MaxAttempts(1), symphony.DeadLimit(2))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "one", "two", "three"); err != nil {
		log.Fatal(err)
	}
	errRefused := errors.New("the mail server refused it")
	for range 3 {
		_, err := mail.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[string]) error { return errRefused })
		if !errors.Is(err, errRefused) {
			log.Fatal(err)
		}
	}
	backlog, err := mail.Backlog(ctx, queue)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("dead letters:", backlog.Dead)
	// Output: dead letters: 2
}
