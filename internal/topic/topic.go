// Package topic is the core of the topics of package symphony: messages to all
// who listen, which nobody keeps. It does not know the Go type of the messages.
package topic

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/subscription"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// A subscriber that falls behind misses messages beyond these limits.
const (
	MostQueued      = 1000     // messages
	mostQueuedBytes = 16 << 20 // of all messages
)

// Core publishes to one channel and subscribes to it.
type Core struct {
	*store.ValueStore
	hub  *subscription.Hub
	name string
}

// New returns the core of the topic that is called name in space, on the pool
// a. It sends nothing.
func New(t reflect.Type, p *pool.Pools, a pool.Alias, space keyspace.Space, name string, opts ...pool.Option) (*Core, error) {
	v, err := store.NewValueStore(t, p, a, space, store.Spec{}, opts...)
	if err != nil {
		return nil, err
	}
	if _, err := space.Key(name); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	if v.Replicas || v.Conditional() {
		return nil, fmt.Errorf("symphony: %w: a topic stores nothing, so it takes no option for reads and writes of records; leave it out", fault.ErrUnsupported)
	}
	return &Core{v, subscription.HubOf(v.Store), name}, nil
}

// Publish sends a value to all who listen, and returns the number of
// connections that received it.
func (c *Core) Publish(ctx context.Context, value reflect.Value) (int64, error) {
	t, err := c.BeginWrite(ctx, "Publish", c.name)
	if err != nil {
		return 0, err
	}
	text, err := c.Encode(t, value)
	if err != nil {
		return 0, err
	}
	b := c.Client.B()
	cmd := b.Publish().Channel(t.Key).Message(text).Build()
	if c.hub.Sharded() {
		cmd = c.Client.B().Spublish().Channel(t.Key).Message(text).Build()
	}
	m, err := c.Do(ctx, t, cmd, store.Count)
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// Message is what a subscriber receives: the text of a message, or the number
// of messages that it missed.
type Message struct {
	Text   string
	Lagged bool
	Missed int64 // with Lagged; 0 if the number is not known
}

// Subscribe calls yield for each message until ctx ends or yield returns false.
// If the server refuses the subscription or the pools are closed, it calls
// yield with the error and returns.
func (c *Core) Subscribe(ctx context.Context, yield func(fault.Target, Message, error) bool) {
	t, err := c.Begin(ctx, "Subscribe", c.name)
	if err != nil {
		yield(t, Message{}, err)
		return
	}
	s := &subscriber{changed: make(chan struct{}, 1)}
	defer c.hub.Join(t.Key, s)()
	for {
		messages, err := s.take()
		for i := range messages {
			if !yield(t, messages[i], nil) {
				return
			}
		}
		if err != nil {
			yield(t, Message{}, t.Failed(err))
			return
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			yield(t, Message{}, t.NotApplied(ctx.Err()))
			return
		}
	}
}

// subscriber holds the messages that a loop has not taken yet.
type subscriber struct {
	changed chan struct{}

	mu     sync.Mutex
	queue  []Message
	bytes  int
	missed int64 // messages that were dropped from the front of the queue
	lost   bool  // the subscription ended
	err    error
}

// take removes and returns all messages.
func (s *subscriber) take() ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.queue
	if s.missed > 0 {
		taken = append([]Message{{Lagged: true, Missed: s.missed}}, taken...)
	}
	s.queue, s.bytes, s.missed = nil, 0, 0
	return taken, s.err
}

// Received queues a message. If the queue is full, it drops the oldest ones.
func (s *subscriber) Received(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, Message{Text: text})
	s.bytes += len(text)
	for len(s.queue) > MostQueued || s.bytes > mostQueuedBytes && len(s.queue) > 1 {
		if !s.queue[0].Lagged {
			s.missed++
		}
		s.bytes -= len(s.queue[0].Text)
		s.queue[0] = Message{}
		s.queue = s.queue[1:]
	}
	s.signal()
}

// Subscribed notes a gap, if there was a subscription before.
func (s *subscriber) Subscribed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		s.lost = false
		s.queue = append(s.queue, Message{Lagged: true})
		s.signal()
	}
}

// Lost notes that messages do not arrive any more.
func (s *subscriber) Lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
}

// Failed ends the loop with an error.
func (s *subscriber) Failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
	s.signal()
}

func (s *subscriber) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
