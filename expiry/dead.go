package expiry

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// deadPage is how many dead letters one round trip reads.
const deadPage = 100

// Dead gives the dead letters of the listener's actions, those of one action
// from the oldest to the youngest: ZRANGE, and HMGET for their records and
// payloads a page at a time. Retry and Discard may be called in the loop. A
// letter that cannot be read comes with an error, and can be discarded; a server
// that does not answer ends the loop.
func (l *Listener) Dead(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, a := range l.lanes {
			q := a.queue
			t := fault.Target{Op: "Dead", Pool: l.cfg.Pool, Key: q.dead}
			members, err := q.client.Do(ctx, q.client.B().Zrange().Key(q.dead).Min("0").Max("-1").Build()).AsStrSlice()
			if err != nil {
				yield(Event{}, t.Sent(err))
				return
			}
			for page := range slices.Chunk(members, deadPage) {
				if !l.deadPage(ctx, t, q, page, yield) {
					return
				}
			}
		}
	}
}

func (l *Listener) deadPage(ctx context.Context, t fault.Target, q *queue, members []string, yield func(Event, error) bool) bool {
	replies := q.client.DoMulti(ctx,
		q.client.B().Hmget().Key(q.att).Field(members...).Build(),
		q.client.B().Hmget().Key(q.pay).Field(members...).Build())
	records, err := replies[0].ToArray()
	if err != nil {
		yield(Event{}, t.Sent(err))
		return false
	}
	payloads, err := replies[1].ToArray()
	if err != nil {
		yield(Event{}, t.Sent(err))
		return false
	}
	for i, member := range members {
		if records[i].IsNil() {
			continue // retried or discarded meanwhile
		}
		record, _ := records[i].ToString()
		f := firing{member: member, record: record}
		if text, err := payloads[i].ToString(); err == nil {
			f.payload = &text
		}
		if !yield(l.event(q, f)) {
			return false
		}
	}
	return true
}

// Retry gives a dead letter new attempts, the first at once, each with a higher
// Event.Attempt than before: failures and lapses are counted anew. One script.
//
// Errors: ErrNotFound where there is no such dead letter; ErrUnsupported for an
// event of an action that has no handler here.
func (l *Listener) Retry(ctx context.Context, e Event) error {
	return l.onLetter(ctx, "Retry", e, (*queue).revive)
}

// Discard removes a dead letter and its payload. One script.
//
// Errors: those of Retry.
func (l *Listener) Discard(ctx context.Context, e Event) error {
	return l.onLetter(ctx, "Discard", e, (*queue).discard)
}

func (l *Listener) onLetter(ctx context.Context, op string, e Event, do func(*queue, context.Context, string) (bool, error)) error {
	t := fault.Target{Op: op, Pool: l.cfg.Pool, Key: e.Key, Write: true, Again: true}
	member, a, err := l.locate(e)
	if err == nil {
		err = fault.Done(ctx)
	}
	if err != nil {
		return t.Refuse(err)
	}
	found, err := do(a.queue, ctx, member)
	switch {
	case err != nil:
		return t.Sent(err)
	case !found:
		return t.Refuse(fault.ErrNotFound)
	}
	a.letters.Add(-1)
	a.wake.signal()
	return nil
}

// locate gives the name of a firing in the sets, and the queue they belong to.
// An event that did not come from a listener is known by its fields.
func (l *Listener) locate(e Event) (string, *lane, error) {
	shard, member := e.shard, e.member
	if member == "" {
		shard = l.names.shard(e.Tenant, e.Action, e.ID)
		key, err := l.names.key(label{e.Tenant, shard, e.Action, e.ID})
		if err != nil {
			return "", nil, err
		}
		member = strconv.FormatInt(e.DueAt.UnixMilli(), 10) + "|" + key
	}
	action, err := l.names.action(e.Action)
	if err != nil {
		return "", nil, fmt.Errorf("%w: the event has no action that can be in a key", keyspace.ErrInvalidKey)
	}
	a, ok := l.lane(shard, action)
	if !ok {
		return "", nil, fmt.Errorf("%w: the action %q has no handler here", fault.ErrUnsupported, e.Action)
	}
	return member, a, nil
}
