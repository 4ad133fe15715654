package expiry

import (
	"context"
	"fmt"
	"iter"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// DeadLetters reads, redelivers and removes the dead letters of triggers on one
// pool, of every tenant and action. Unlike a [Listener], it needs no handlers.
// [Schedule.Dead] lists those of one tenant. A DeadLetters is safe for
// concurrent use. The calls of one that is nil or zero return
// [ErrInvalidArgument].
type DeadLetters struct {
	core  *store.Store
	names naming
}

// NewDeadLetters returns the dead letters on the pool with the alias a. The
// pattern is that of [NewSchedule]. It sends nothing. It returns the errors of
// [NewSchedule], apart from those of a tenant.
func NewDeadLetters(p *pool.Pools, a pool.Alias, pattern keyspace.Pattern, opts ...Option) (*DeadLetters, error) {
	core, err := newCore(p, a, opts...)
	if err != nil {
		return nil, err
	}
	names, err := newNaming(pattern, core.Prefix(), core.Client.Mode() == rueidis.ClientModeCluster)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return &DeadLetters{core, names}, nil
}

// All iterates over the dead letters of the given actions, or of all actions if
// there is none. Those of one action come in the order in which they died; on a
// cluster, in that order for each shard. Firings that die during the loop are
// left out. The loop may call [DeadLetters.Retry] and [DeadLetters.Discard].
//
// Without an action, All finds the actions with SCAN, over the whole database.
// Otherwise it sends what [Listener.Dead] sends, and yields the same errors. If
// no key can contain an action, it yields [ErrInvalidKey]. All sends nothing
// more after the loop ends. It is not atomic.
func (d *DeadLetters) All(ctx context.Context, actions ...string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		t, err := d.begin(ctx, "Dead")
		if err != nil {
			yield(Event{}, err)
			return
		}
		for q, err := range d.queues(ctx, t, actions) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !d.reader().yieldDead(ctx, t, q, yield) {
				return
			}
		}
	}
}

// queues iterates over the queues of actions, or over those that have dead
// letters if there is no action.
func (d *DeadLetters) queues(ctx context.Context, t fault.Target, actions []string) iter.Seq2[*queue, error] {
	if len(actions) == 0 {
		return d.scanQueues(ctx, t)
	}
	return func(yield func(*queue, error) bool) {
		for _, action := range actions {
			err := d.names.checkAction(action)
			inKeys := ""
			if err == nil {
				inKeys, err = d.names.actionInKeys(action)
			}
			if err != nil {
				yield(nil, t.NotApplied(err))
				return
			}
			for _, shard := range d.names.allShards() {
				if !yield(newQueue(d.core.Client, d.names, shard, inKeys), nil) {
					return
				}
			}
		}
	}
}

// scanQueues iterates over the queues that have dead letters.
func (d *DeadLetters) scanQueues(ctx context.Context, t fault.Target) iter.Seq2[*queue, error] {
	return func(yield func(*queue, error) bool) {
		keys := scanKeys{sortedSet, "%exp*:dead:*", func(key string) (triggerKey, bool) {
			kind, l, ok := d.names.parseScheduleKey(key)
			return l, ok && kind == "dead"
		}, d.core.Prefix()}
		for page, err := range d.core.Scan(ctx, t.Op, sortedSet, keys, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, target := range page.Targets {
				_, l, _ := d.names.parseScheduleKey(target.Key)
				if !yield(newQueue(d.core.Client, d.names, l.shard, l.action), nil) {
					return
				}
			}
		}
	}
}

// Retry redelivers a dead letter at once; see [Listener.Retry]. The event comes
// from [DeadLetters.All] or another list of dead letters, or has the Tenant,
// Action, ID and DueAt of the dead letter. The action needs no handler here.
func (d *DeadLetters) Retry(ctx context.Context, e Event) error {
	return d.settle(ctx, "Retry", e, (*queue).retry)
}

// Discard removes a dead letter and its payload. It takes the events of
// [DeadLetters.Retry], and returns the same errors.
func (d *DeadLetters) Discard(ctx context.Context, e Event) error {
	return d.settle(ctx, "Discard", e, (*queue).discard)
}

func (d *DeadLetters) settle(ctx context.Context, op string, e Event, do func(*queue, context.Context, string) (deadLetterResult, error)) error {
	t, err := d.begin(ctx, op)
	if err != nil {
		return err
	}
	t.Key, t.Write, t.Retryable = e.Key, true, true
	member, shard, action, err := d.names.locate(e)
	if err != nil {
		return t.NotApplied(err)
	}
	switch result, err := do(newQueue(d.core.Client, d.names, shard, action), ctx, member); {
	case err != nil:
		return sentError(t, err)
	case result == deadLetterMissing:
		return t.NotApplied(fault.ErrNotFound)
	}
	return nil
}

// begin begins an operation on all dead letters.
func (d *DeadLetters) begin(ctx context.Context, op string) (fault.Target, error) {
	if d == nil || d.core == nil {
		return fault.Target{}, fault.Target{Op: op}.NotApplied(fmt.Errorf("%w: the DeadLetters is nil or zero; make one with expiry.NewDeadLetters", fault.ErrInvalidArgument))
	}
	return d.core.BeginAll(ctx, op)
}

func (d *DeadLetters) reader() reader { return reader{d.names, d.core.Codec, d.core.MaxDecodedBytes()} }

// Dead iterates over the dead letters of the tenant for the given actions, or
// for all actions if there is none; see [DeadLetters.All]. The schedule of an
// action has the dead letters of all tenants, so the cost grows with their
// number. Entries that name no trigger belong to no tenant, and are left out.
func (s *Schedule) Dead(ctx context.Context, actions ...string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		d, err := s.deadLetters("Dead")
		if err != nil {
			yield(Event{}, err)
			return
		}
		for e, err := range d.All(ctx, actions...) {
			if e.Action != "" && e.Tenant != s.tenant {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Retry redelivers a dead letter of the tenant at once; see [Listener.Retry].
// The event comes from [Schedule.Dead], or has the Action, ID and DueAt of the
// dead letter. The action needs no handler in this process.
//
// If there is no such dead letter, Retry returns [ErrNotFound]. If the event is
// that of another tenant, it returns [ErrInvalidArgument]. If no key can
// contain the parts of the event, it returns [ErrInvalidKey].
func (s *Schedule) Retry(ctx context.Context, e Event) error {
	return s.settle(ctx, "Retry", e, (*DeadLetters).Retry)
}

// Discard removes a dead letter of the tenant and its payload. It takes the
// events of [Schedule.Retry], and returns the same errors.
func (s *Schedule) Discard(ctx context.Context, e Event) error {
	return s.settle(ctx, "Discard", e, (*DeadLetters).Discard)
}

func (s *Schedule) settle(ctx context.Context, op string, e Event, do func(*DeadLetters, context.Context, Event) error) error {
	d, err := s.deadLetters(op)
	if err != nil {
		return err
	}
	if e.Tenant == "" {
		e.Tenant = s.tenant
	}
	if e.Tenant != s.tenant {
		return fault.Target{Op: op, Pool: s.core.Alias, Key: e.Key}.NotApplied(fmt.Errorf("%w: the event is that of the tenant %q, and not of %q; use the Trigger of that tenant",
			fault.ErrInvalidArgument, e.Tenant, s.tenant))
	}
	return do(d, ctx, e)
}

// deadLetters returns the dead letters on the pool of the schedule.
func (s *Schedule) deadLetters(op string) (*DeadLetters, error) {
	if err := s.ready(op); err != nil {
		return nil, err
	}
	if s.invalid != nil {
		return nil, fault.Target{Op: op, Pool: s.core.Alias}.NotApplied(s.invalid)
	}
	return &DeadLetters{s.core, s.names}, nil
}
