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

// PutOff is for a sign that more is to come, such as a user who is typing. It
// needs the option Quiet, which says for how long to put off.
func ExampleBatch_PutOff() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	inbox, err := symphony.NewBatch[string](pools, "acme", symphony.Quiet(time.Minute, time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "chat", Entity: "u1", Action: "answer"}

	fmt.Println(errors.Is(inbox.PutOff(ctx, queue), symphony.ErrNotFound), "- no message waits")
	if _, err := inbox.Enqueue(ctx, queue, "I want a lamp"); err != nil {
		log.Fatal(err)
	}
	if err := inbox.PutOff(ctx, queue); err != nil {
		log.Fatal(err)
	}
	claim, err := inbox.Claim(ctx, queue, 10, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(claim.Items), "messages are handed out")
	// Output:
	// true - no message waits
	// 0 messages are handed out
}
