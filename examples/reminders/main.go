// Reminders shows triggers from end to end: a debounce, which summarizes a chat
// after it was quiet for a while, a reminder that is retried until it is sent,
// and an index that is due again while it is being made. It runs on an embedded
// server. With REDIS_URL=redis://localhost:6379 it runs on a live one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

const tenant = "acme"

// Reminder is the payload of a reminder.
type Reminder struct {
	To   string
	Text string
}

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := open(ctx)
	check(err)
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, tenant)
	check(err)

	// Any number of processes can run a listener. They share the work.
	sent, summarized := make(chan string, 1), make(chan string, 1)
	registry := expiry.NewRegistry()
	check(registry.On("summarize", func(_ context.Context, e expiry.Event) error {
		summarized <- e.ID
		return nil
	}))
	check(expiry.OnPayload(registry, "remind", func(_ context.Context, e expiry.Event, r Reminder) error {
		if e.Attempt == 1 {
			return errors.New("the mail server is busy")
		}
		sent <- fmt.Sprintf("%s to %s, at attempt %d", r.Text, r.To, e.Attempt)
		return nil
	}))
	indexing := make(chan string, 4)
	check(registry.On("index", func(context.Context, expiry.Event) error {
		indexing <- "begun"
		time.Sleep(400 * time.Millisecond)
		indexing <- "done"
		return nil
	}))
	listener, err := expiry.NewListener(pools, registry, expiry.Config{
		Backoff: func(int, error) time.Duration { return 200 * time.Millisecond },
	})
	check(err)
	stopped := make(chan error)
	go func() { stopped <- listener.Run(ctx) }()

	// A chat is summarized after 600 ms without a message, and at most two
	// seconds after its first message.
	began := time.Now()
	for _, message := range []string{"hi", "are you there?", "never mind"} {
		check(triggers.Debounce(ctx, "summarize", "chat9", 600*time.Millisecond, 2*time.Second))
		fmt.Printf("%6v  %q is said\n", since(began), message)
		time.Sleep(150 * time.Millisecond)
	}
	chat := <-summarized
	fmt.Printf("%6v  %s is summarized, once\n", since(began), chat)

	began = time.Now()
	check(triggers.SetPayload(ctx, "remind", "u1", Reminder{"Alice", "your cups are ready"}, 500*time.Millisecond))
	check(triggers.SetPayload(ctx, "remind", "u2", Reminder{"Bob", "never sent"}, time.Second))
	deleted, err := triggers.Delete(ctx, "remind", "u2")
	check(err)
	fmt.Printf("%6v  two reminders are set, one is taken back: %v\n", since(began), deleted)
	what := <-sent
	fmt.Printf("%6v  sent: %s\n", since(began), what)

	// A firing never overlaps an earlier one of the same action and id, in any
	// number of processes. It waits.
	began = time.Now()
	check(triggers.Set(ctx, "index", "shop", 0))
	steps := []string{<-indexing}
	check(triggers.Set(ctx, "index", "shop", 0))
	steps = append(steps, <-indexing, <-indexing, <-indexing)
	fmt.Printf("%6v  the index of the shop: %s\n", since(began), strings.Join(steps, ", "))

	stop() // handlers finish, and Run returns
	check(<-stopped)
	s := listener.Stats()
	fmt.Printf("succeeded %d, retried %d, dead %d, worst lag %v\n", s.Succeeded, s.Retried, s.Dead, s.WorstLag.Round(time.Millisecond))
}

func since(t time.Time) time.Duration { return time.Since(t).Round(10 * time.Millisecond) }

func open(ctx context.Context) (*pool.Pools, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return pool.Open(ctx, pool.Config{URL: url})
	}
	return embedded.Open(ctx, pool.Config{})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
