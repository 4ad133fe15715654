package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Login is a record that expires.
type Login struct {
	Name string `redis:"name"`
}

// A record expires when the test moves the time.
func ExampleNew() {
	t := newT() // a test uses its *testing.T
	defer t.end()

	pools, clock := embedded.New(t)
	logins, err := symphony.NewUser[Login](pools, "acme", symphony.TTL(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := logins.Upsert(t.Context(), "ann", Login{Name: "Ann"}); err != nil {
		t.Fatal(err)
	}

	left, err := logins.TTL(t.Context(), "ann")
	fmt.Println(left, err)
	clock.Advance(time.Hour)
	_, err = logins.Get(t.Context(), "ann")
	fmt.Println(errors.Is(err, symphony.ErrNotFound))
	// Output:
	// 1h0m0s <nil>
	// true
}

// A recurring trigger fires in each of its periods, and once for the periods
// that the clock jumps over.
func ExampleClock_Advance_recurring() {
	t := newT() // a test uses its *testing.T
	defer t.end()

	pools, clock := embedded.New(t)
	begin := clock.Now()
	handlers := expiry.NewRegistry()
	if err := handlers.On("sync", func(_ context.Context, e expiry.Event) error {
		fmt.Println(e.Rule, e.DueAt.Sub(begin))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, handlers, expiry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clock.Go(listener.Run)
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := triggers.SetEvery(t.Context(), "sync", "shop1", time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{time.Hour, time.Hour, 24*time.Hour + time.Minute, 59 * time.Minute} {
		clock.Advance(d)
		if err := clock.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Output:
	// every 1h0m0s 1h0m0s
	// every 1h0m0s 2h0m0s
	// every 1h0m0s 3h0m0s
	// every 1h0m0s 27h0m0s
}

// A trigger of tomorrow fires at once. Settle waits until its handler has
// returned.
func ExampleClock_Advance() {
	t := newT() // a test uses its *testing.T
	defer t.end()

	pools, clock := embedded.New(t)
	handlers := expiry.NewRegistry()
	if err := handlers.On("remind", func(_ context.Context, e expiry.Event) error {
		fmt.Println("remind", e.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, handlers, expiry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clock.Go(listener.Run)
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := triggers.Set(t.Context(), "remind", "invoice7", 24*time.Hour); err != nil {
		t.Fatal(err)
	}

	clock.Advance(23 * time.Hour)
	fmt.Println("not yet:", clock.Settle(t.Context()))
	clock.Advance(time.Hour)
	fmt.Println("done:", clock.Settle(t.Context()))
	// Output:
	// not yet: <nil>
	// remind invoice7
	// done: <nil>
}

// Messages of a user who types on are handled together, when the user has been
// quiet for five seconds.
func ExampleClock_Settle() {
	t := newT() // a test uses its *testing.T
	defer t.end()

	pools, clock := embedded.New(t)
	clock.Go(func(ctx context.Context) error {
		return symphony.WorkBatches(ctx, pools, "chat", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
			fmt.Println(tenant, q.Entity, len(items), "messages")
			return nil
		}, symphony.WorkConfig{})
	})
	messages, err := symphony.NewBatch[string](pools, "acme", symphony.Quiet(5*time.Second, time.Minute))
	if err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{"Hello!", "A question:", "when do you open?"} {
		if _, err := messages.Enqueue(t.Context(), symphony.Queue{Service: "chat", Entity: "ann", Action: "answer"}, text); err != nil {
			t.Fatal(err)
		}
		clock.Advance(3 * time.Second)
	}
	fmt.Println("typing:", clock.Settle(t.Context()))
	clock.Advance(2 * time.Second)
	fmt.Println("quiet:", clock.Settle(t.Context()))
	// Output:
	// typing: <nil>
	// acme ann 3 messages
	// quiet: <nil>
}

// exampleT stands for the *testing.T of a test.
type exampleT struct {
	testing.TB
	ctx      context.Context //nolint:containedctx // like that of a test
	cancel   context.CancelFunc
	cleanups []func()
}

func newT() *exampleT {
	t := &exampleT{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *exampleT) end() {
	t.cancel()
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}

func (t *exampleT) Helper()                           {}
func (t *exampleT) Context() context.Context          { return t.ctx }
func (t *exampleT) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Fatal(args ...any)                 { log.Panic(args...) }
func (t *exampleT) Fatalf(format string, args ...any) { log.Panicf(format, args...) }
func (t *exampleT) Errorf(format string, args ...any) { log.Panicf(format, args...) }
