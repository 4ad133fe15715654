package embedded_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The rest of this file is the sample of docs/testing.md: a service with a
// state that expires, a follow-up after a day, and messages that are answered
// together.

type Visit struct {
	Step string `redis:"step"`
}

type Service struct {
	Visits    *symphony.User[Visit]
	Messages  *symphony.Batch[string]
	Triggers  *symphony.Trigger
	FollowUps *expiry.Listener
	pools     *pool.Pools
	send      func(to, text string)
}

func NewService(pools *pool.Pools, send func(to, text string)) (*Service, error) {
	s := &Service{pools: pools, send: send}
	var errs [4]error
	s.Visits, errs[0] = symphony.NewUser[Visit](pools, "acme", symphony.TTL(30*time.Minute))
	s.Messages, errs[1] = symphony.NewBatch[string](pools, "acme", symphony.Quiet(5*time.Second, time.Minute))
	s.Triggers, errs[2] = symphony.NewTrigger(pools, "acme")
	handlers := expiry.NewRegistry()
	errs[3] = handlers.On("followup", func(_ context.Context, e expiry.Event) error {
		send(e.ID, "Can we help?")
		return nil
	})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var err error
	s.FollowUps, err = expiry.NewListener(pools, handlers, expiry.Config{})
	return s, err
}

// Say handles a message of a user.
func (s *Service) Say(ctx context.Context, user, text string) error {
	_, err := s.Messages.Enqueue(ctx, symphony.Queue{Service: "chat", Entity: user, Action: "answer"}, text)
	return errors.Join(err,
		s.Visits.Upsert(ctx, user, Visit{Step: "asked"}),
		s.Triggers.Set(ctx, "followup", user, 24*time.Hour))
}

// Answer answers messages until ctx ends.
func (s *Service) Answer(ctx context.Context) error {
	return symphony.WorkBatches(ctx, s.pools, "chat", func(_ context.Context, _ string, q symphony.Queue, items []listrepo.Item[string]) error {
		text := "You said:"
		for _, item := range items {
			text += " " + item.Value
		}
		s.send(q.Entity, text)
		return nil
	}, symphony.WorkConfig{})
}

// outbox collects what a service sends.
type outbox struct {
	mu   sync.Mutex
	sent []string
}

func (o *outbox) send(to, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, to+": "+text)
}

// take returns what was sent since the last call.
func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	o.sent = nil
	return sent
}

func TestService(t *testing.T) {
	ctx := t.Context()
	pools, clock := embedded.New(t)
	var out outbox
	s, err := NewService(pools, out.send)
	if err != nil {
		t.Fatal(err)
	}
	clock.Go(s.FollowUps.Run)
	clock.Go(s.Answer)
	// after moves the time, waits, and compares what the service sent.
	after := func(d time.Duration, want ...string) {
		t.Helper()
		clock.Advance(d)
		if err := clock.Settle(ctx); err != nil {
			t.Fatal(err)
		}
		if got := out.take(); !slices.Equal(got, want) {
			t.Errorf("after %v the service sent %q, want %q", d, got, want)
		}
	}

	for _, text := range []string{"Hello!", "Anybody there?"} {
		if err := s.Say(ctx, "ann", text); err != nil {
			t.Fatal(err)
		}
		after(4 * time.Second) // the user types on
	}
	after(time.Second, "ann: You said: Hello! Anybody there?")

	after(30 * time.Minute)
	if _, err := s.Visits.Get(ctx, "ann"); !errors.Is(err, symphony.ErrNotFound) {
		t.Errorf("the visit has not expired: %v", err)
	}
	after(24*time.Hour, "ann: Can we help?")
}
