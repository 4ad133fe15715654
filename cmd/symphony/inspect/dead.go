package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// DeadLetter is a dead letter of a queue or of a trigger.
type DeadLetter struct {
	Of      string          `json:"of"` // symphony.KindQueue or symphony.KindTrigger
	Tenant  string          `json:"tenant"`
	Service string          `json:"service,omitempty"`
	Entity  string          `json:"entity,omitempty"`
	Action  string          `json:"action"`
	ID      string          `json:"id"` // of the item or of the trigger
	Attempt int             `json:"attempt"`
	At      time.Time       `json:"at,omitzero"`     // when it became a dead letter; not known of triggers
	DueAt   time.Time       `json:"due_at,omitzero"` // of a trigger
	Reason  string          `json:"reason"`
	Value   json.RawMessage `json:"value,omitempty"`
	Problem string          `json:"problem,omitempty"` // of a dead letter that is invalid

	event expiry.Event // of a trigger
}

func (d DeadLetter) queue() QueueName { return QueueName{d.Tenant, d.Service, d.Entity, d.Action} }

// DeadFilter selects dead letters.
type DeadFilter struct {
	Filter
	Of string // symphony.KindQueue, symphony.KindTrigger or empty for both
}

func (f DeadFilter) hasQueues() bool { return f.Of != symphony.KindTrigger }

// hasTriggers reports whether the filter selects triggers. They have no service
// and no entity.
func (f DeadFilter) hasTriggers() bool {
	return f.Of != symphony.KindQueue && f.Service == "" && f.Entity == ""
}

// Dead iterates over the dead letters that a filter selects: first those of
// queues, then those of triggers. It finds queues and actions with SCAN, unless
// the filter names one. An error ends the loop.
func Dead(ctx context.Context, pools *pool.Pools, f DeadFilter, view View) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		if f.hasQueues() && !deadOfQueues(ctx, pools, f.Filter, view, yield) {
			return
		}
		if f.hasTriggers() {
			deadOfTriggers(ctx, pools, f.Filter, view, yield)
		}
	}
}

// deadOfQueues yields the dead letters of queues. It reports whether to
// continue.
func deadOfQueues(ctx context.Context, pools *pool.Pools, f Filter, view View, yield func(DeadLetter, error) bool) bool {
	for name, err := range scanQueues(ctx, pools, f, holdsDead) {
		if err != nil {
			return yield(DeadLetter{}, err) && false
		}
		batch, err := f.batch(pools, name.Tenant)
		if err != nil {
			return yield(DeadLetter{}, err) && false
		}
		for d, err := range batch.Dead(ctx, name.queue()) {
			if err != nil && d.ID == "" {
				return yield(DeadLetter{}, err) && false
			}
			letter := DeadLetter{
				Of: symphony.KindQueue, Tenant: name.Tenant, Service: name.Service, Entity: name.Entity, Action: name.Action,
				ID: d.ID, Attempt: d.Attempt, At: d.At, Reason: d.Reason, Value: view.show(d.Raw),
			}
			if err != nil {
				letter.Problem = err.Error()
			}
			if !yield(letter, nil) {
				return false
			}
		}
	}
	return true
}

// deadOfTriggers yields the dead letters of triggers.
func deadOfTriggers(ctx context.Context, pools *pool.Pools, f Filter, view View, yield func(DeadLetter, error) bool) {
	letters, err := expiry.NewDeadLetters(pools, f.expiry(), pools.Layout().Trigger, paceOf(ctx).options()...)
	if err != nil {
		yield(DeadLetter{}, err)
		return
	}
	var actions []string
	if f.Action != "" {
		actions = append(actions, f.Action)
	}
	for e, err := range letters.All(ctx, actions...) {
		if err != nil && e.Action == "" {
			yield(DeadLetter{}, err)
			return
		}
		if f.Tenant != "" && f.Tenant != e.Tenant {
			continue
		}
		letter := DeadLetter{
			Of: symphony.KindTrigger, Tenant: e.Tenant, Action: e.Action, ID: e.ID, Attempt: e.Attempt, DueAt: e.DueAt,
			Reason: e.LastError, Value: view.payload(e), event: e,
		}
		if err != nil {
			letter.Problem = err.Error()
		}
		if !yield(letter, nil) {
			return
		}
	}
}

// Retry redelivers dead letters that [Dead] returned with the same filter, and
// returns how many there still were. Those of a queue go back in the order in
// which they became dead letters. See [symphony.Batch.Retry] and
// [expiry.DeadLetters.Retry] for its errors. If one fails, those before it were
// redelivered.
func Retry(ctx context.Context, pools *pool.Pools, f Filter, letters []DeadLetter) (int64, error) {
	return settle(ctx, pools, f, letters, (*symphony.Batch[[]byte]).Retry, (*expiry.DeadLetters).Retry)
}

// Discard removes dead letters for good, and otherwise is as [Retry].
func Discard(ctx context.Context, pools *pool.Pools, f Filter, letters []DeadLetter) (int64, error) {
	return settle(ctx, pools, f, letters, (*symphony.Batch[[]byte]).Discard, (*expiry.DeadLetters).Discard)
}

func settle(ctx context.Context, pools *pool.Pools, f Filter, letters []DeadLetter,
	inQueue func(*symphony.Batch[[]byte], context.Context, symphony.Queue, ...string) (int64, error),
	onTrigger func(*expiry.DeadLetters, context.Context, expiry.Event) error,
) (sum int64, err error) {
	letters = slices.SortedStableFunc(slices.Values(letters), func(a, b DeadLetter) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	ids, events := map[QueueName][]string{}, []expiry.Event{}
	for _, d := range letters {
		if d.Of == symphony.KindQueue {
			ids[d.queue()] = append(ids[d.queue()], d.ID)
			continue
		}
		events = append(events, d.event)
	}
	for name, ids := range ids {
		batch, err := f.batch(pools, name.Tenant)
		if err != nil {
			return sum, err
		}
		n, err := inQueue(batch, ctx, name.queue(), ids...)
		if sum += n; err != nil {
			return sum, err
		}
	}
	if len(events) == 0 {
		return sum, nil
	}
	triggers, err := expiry.NewDeadLetters(pools, f.expiry(), pools.Layout().Trigger)
	if err != nil {
		return sum, err
	}
	for _, e := range events {
		switch err := onTrigger(triggers, ctx, e); {
		case err == nil:
			sum++
		case !errors.Is(err, symphony.ErrNotFound):
			return sum, err
		}
	}
	return sum, nil
}
