// Package subscription keeps subscriptions to the channels of a server. It
// subscribes again when a connection breaks.
package subscription

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/pool"
)

const (
	nodePoll     = 5 * time.Second        // how often the nodes of a cluster are listed
	retryDelay   = 250 * time.Millisecond // between two attempts to subscribe
	refusedDelay = time.Minute            // the same, if the server refused
)

// Channels are the channels to subscribe to, with the functions that handle
// their messages.
type Channels map[string]func(message string)

// Subscription describes a subscription.
type Subscription struct {
	// Choices return the channels for a new connection. The first one is used
	// until the server refuses it, then the next one. After the last one, the
	// first one is tried again a minute later.
	Choices []func(ctx context.Context, d rueidis.DedicatedClient) Channels

	// Subscribed is called when a subscription is complete. Messages that were
	// published before may have been missed.
	Subscribed func()

	// Lost is called when a subscription ends for which Subscribed was called.
	// It may be nil.
	Lost func()

	// Refused is called when the server has refused all choices.
	Refused func(err error)
}

// Run keeps the subscription on one node until ctx ends. It uses a connection
// of its own, so that no reply waits behind its messages.
func (s Subscription) Run(ctx context.Context, node rueidis.Client) {
	for choice := 0; ctx.Err() == nil; {
		d, release := node.Dedicate()
		err := s.receive(ctx, d, s.Choices[choice])
		release()
		if ctx.Err() != nil || errors.Is(err, pool.ErrClosed) {
			return
		}
		pause := retryDelay
		if _, refused := rueidis.IsRedisErr(err); refused {
			if choice = (choice + 1) % len(s.Choices); choice == 0 {
				pause = refusedDelay
				s.Refused(err)
			}
		}
		_ = retry.Sleep(ctx, pause)
	}
}

// receive subscribes and handles messages until the connection breaks.
func (s Subscription) receive(ctx context.Context, d rueidis.DedicatedClient, choice func(context.Context, rueidis.DedicatedClient) Channels) error {
	channels := choice(ctx, d)
	names := make([]string, 0, len(channels))
	for name := range channels {
		names = append(names, name)
	}
	var mu sync.Mutex // the hook may run when Receive has returned
	confirmed, ended := 0, false
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(p rueidis.PubSubSubscription) {
		mu.Lock()
		defer mu.Unlock()
		if p.Kind != "subscribe" || ended {
			return
		}
		if confirmed++; confirmed == len(names) {
			s.Subscribed()
		}
	})
	err := d.Receive(hooked, d.B().Subscribe().Channel(names...).Build(), func(m rueidis.PubSubMessage) {
		if handle, ok := channels[m.Channel]; ok {
			handle(m.Message)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if ended = true; confirmed >= len(names) && s.Lost != nil {
		s.Lost()
	}
	return err
}

// RunOnNodes keeps the subscription on every node of a server or a cluster
// until ctx ends. It is for messages that a node publishes to its own clients
// only.
func (s Subscription) RunOnNodes(ctx context.Context, client rueidis.Client) {
	if client.Mode() != rueidis.ClientModeCluster {
		s.Run(ctx, client)
		return
	}
	var nodes sync.WaitGroup
	defer nodes.Wait()
	ends := map[string]context.CancelFunc{}
	for ctx.Err() == nil {
		current := client.Nodes()
		for addr, end := range ends {
			if _, ok := current[addr]; !ok {
				end()
				delete(ends, addr)
			}
		}
		for addr, node := range current {
			if _, ok := ends[addr]; ok {
				continue
			}
			nodeCtx, end := context.WithCancel(ctx)
			ends[addr] = end
			nodes.Go(func() { s.Run(nodeCtx, node) })
		}
		_ = retry.Sleep(ctx, nodePoll)
	}
	for _, end := range ends {
		end()
	}
}
