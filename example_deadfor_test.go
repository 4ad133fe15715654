package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With DeadFor, a dead letter is removed when it is too old, also if no other
// one follows.
func ExampleDeadFor() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme", symphony.MaxAttempts(1), symphony.DeadFor(200*time.Millisecond))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "one"); err != nil {
		log.Fatal(err)
	}
	errRefused := errors.New("the mail server refused it")
	_, err = mail.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[string]) error { return errRefused })
	fmt.Println(err)
	dead := func() int64 {
		backlog, err := mail.Backlog(ctx, queue)
		if err != nil {
			log.Fatal(err)
		}
		return backlog.Dead
	}
	for ; dead() > 0; time.Sleep(10 * time.Millisecond) {
	}
	fmt.Println("dead letters:", dead())
	// Output:
	// the mail server refused it
	// dead letters: 0
}
