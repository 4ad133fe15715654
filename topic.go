package symphony

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/topic"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Topic sends messages to everybody who listens at the moment, in all
// processes. Nobody keeps a message, so each subscriber receives it at most
// once. Use it for what need not last, such as "the settings have changed". Use
// a [Feed] for what a client must not miss.
//
// Its methods are [Topic.Publish] and [Topic.Subscribe].
//
// The channel is `{tenant}:topic:{name}`, with the prefix of the pool. Redis
// has one space of channels for all databases of a server, so services that
// share a server and the names of tenants need [pool.Config.PrefixKeys], or
// other names of topics. On a cluster, messages are sharded.
type Topic[T any] struct{ core *topic.Core }

// NewTopic returns a topic of a tenant, on [pool.PubSub]. It sends nothing.
//
// If the tenant or the name cannot be part of a key, NewTopic returns
// [ErrInvalidKey]. If the codec cannot encode T, it returns
// [ErrInvalidSchema]. For options other than [Codec], [Layout] and [On], it
// returns [ErrUnsupported].
func NewTopic[T any](pools *pool.Pools, tenant, name string, opts ...Option) (*Topic[T], error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Topic }, opts, tenant)
	if err != nil {
		return nil, err
	}
	core, err := topic.New(reflect.TypeFor[T](), pools, pool.PubSub, space, name, rest...)
	if err != nil {
		return nil, err
	}
	return &Topic[T]{core}, nil
}

// LagError reports that a subscriber of a [Topic] missed messages. It wraps
// [ErrLagged].
type LagError struct {
	// Missed is the number of messages. It is 0 if it is not known, because the
	// subscription was interrupted.
	Missed int64
}

// Error returns the number of messages that were missed.
func (e *LagError) Error() string {
	if e.Missed == 0 {
		return ErrLagged.Error() + ": the subscription was interrupted"
	}
	return fmt.Sprintf("%v: %d, because the subscriber was too slow", ErrLagged, e.Missed)
}

// Unwrap returns [ErrLagged].
func (e *LagError) Unwrap() error { return ErrLagged }

// Publish sends a message to all subscribers, and returns the number of
// connections that received it: one for each process that subscribes, on a
// cluster those on the node of the topic. It sends PUBLISH, on a cluster
// SPUBLISH. Without subscribers, the message is gone.
//
// If the codec cannot encode the message, Publish returns a
// [*codec.EncodeError]. If it is too large, Publish returns [ErrTooLarge]. In
// these cases nothing is sent.
func (p *Topic[T]) Publish(ctx context.Context, v T) (int64, error) {
	if err := p.made(); err != nil {
		return 0, err
	}
	return p.core.Publish(ctx, reflect.ValueOf(&v).Elem())
}

// Subscribe iterates over the messages that are published from now on, in the
// order in which the server received them, until ctx ends. All subscribers of a
// process share one connection to each node with the followers of feeds. A
// message may be published before the subscription is complete; it is missed.
//
// Up to 1,000 messages wait for the loop, and at most 16 MiB. If more arrive,
// the oldest are dropped, and Subscribe yields a [*LagError] in their place. So
// it does if the subscription is interrupted, because a connection broke. Then
// the loop goes on.
//
// If a message does not fit T, Subscribe yields a [*codec.DecodeError], and the
// loop goes on. If the server refuses the subscription, the error is
// [ErrNoPermission]; if the pools are closed, it is [ErrClosed]; if ctx ends,
// it is that of ctx. These end the loop.
func (p *Topic[T]) Subscribe(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if err := p.made(); err != nil {
			yield(zero, err)
			return
		}
		p.core.Subscribe(ctx, func(t fault.Target, m topic.Message, err error) bool {
			var v T
			switch {
			case err != nil:
			case m.Lagged:
				err = t.NotApplied(&LagError{m.Missed})
			default:
				err = p.core.Decode(t, m.Text, reflect.ValueOf(&v).Elem())
			}
			return yield(v, err)
		})
	}
}

// made returns an error if p is nil or zero.
func (p *Topic[T]) made() error {
	if p == nil || p.core == nil {
		return fmt.Errorf("symphony: %w: the Topic is nil or zero; make one with NewTopic", ErrInvalidArgument)
	}
	return nil
}
