package expiry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// deadPage is how many dead letters one round trip reads.
const deadPageSize = 100

// Dead gives the dead letters of the listener's actions, those of one action
// from the oldest to the youngest: a page at a time, ZRANGE, HMGET for records
// and payloads, and ZCOUNT for the place of the next page. Retry and Discard may
// be called in the loop, and what dies while it runs is not part of it. A letter
// that cannot be read comes with an error, and can be discarded. A schedule whose
// keys hold another type comes as an error, and a server that does not answer
// ends the loop.
func (l *Listener) Dead(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, c := range l.consumers {
			if !l.yieldDead(ctx, c.queue, yield) {
				return
			}
		}
	}
}

// letters gives the dead letters of one queue. It reports whether to go on.
func (l *Listener) yieldDead(ctx context.Context, q *queue, yield func(Event, error) bool) bool {
	t := fault.Target{Op: "Dead", Pool: l.cfg.Pool, Key: q.dead}
	last, err := q.deadBetween(ctx, -1, -1)
	for start := int64(0); err == nil && len(last) > 0; {
		var page []rueidis.ZScore
		if page, err = q.deadBetween(ctx, start, start+deadPageSize-1); err != nil {
			break
		}
		members := make([]string, 0, len(page))
		for _, z := range page {
			if z.Score <= last[0].Score {
				members = append(members, z.Member)
			}
		}
		if len(members) == 0 {
			return true
		}
		var events []deadLetter
		if events, err = l.readDead(ctx, &t, q, members); err != nil {
			break
		}
		for _, e := range events {
			if !yield(e.Event, e.err) {
				return false
			}
		}
		t.Key = q.dead
		start, err = q.countDeadUntil(ctx, page[len(members)-1])
	}
	if err != nil {
		return yield(Event{}, t.Failed(err)) && isRefusal(err)
	}
	return true
}

// lettersAt gives dead letters by their places.
func (q *queue) deadBetween(ctx context.Context, from, to int64) ([]rueidis.ZScore, error) {
	return q.client.Do(ctx, q.client.B().Zrange().Key(q.dead).Min(strconv.FormatInt(from, 10)).Max(strconv.FormatInt(to, 10)).Withscores().Build()).AsZScores()
}

// lettersUntil counts the dead letters up to one, which may be gone itself.
func (q *queue) countDeadUntil(ctx context.Context, z rueidis.ZScore) (int64, error) {
	score := strconv.FormatFloat(z.Score, 'f', -1, 64)
	replies := q.client.DoMulti(ctx,
		q.client.B().Zcount().Key(q.dead).Min("-inf").Max("("+score).Build(),
		q.client.B().Zcount().Key(q.dead).Min("-inf").Max(score).Build())
	low, err := replies[0].AsInt64()
	if err != nil {
		return 0, err
	}
	high, err := replies[1].AsInt64()
	if err != nil {
		return 0, err
	}
	more := sort.Search(int(high-low), func(i int) bool { // those of one score are in order of their names
		at, e := q.deadBetween(ctx, low+int64(i), low+int64(i))
		err = errors.Join(err, e)
		return e != nil || len(at) == 0 || at[0].Member > z.Member
	})
	return low + int64(more), err
}

// letter is a dead letter, or what is wrong with it.
type deadLetter struct {
	Event
	err error
}

// deadPage reads records and payloads. The target's key is the one that is read.
func (l *Listener) readDead(ctx context.Context, t *fault.Target, q *queue, members []string) ([]deadLetter, error) {
	replies := q.client.DoMulti(ctx,
		q.client.B().Hmget().Key(q.status).Field(members...).Build(),
		q.client.B().Hmget().Key(q.payloads).Field(members...).Build())
	t.Key = q.status
	records, err := replies[0].ToArray()
	if err != nil {
		return nil, err
	}
	t.Key = q.payloads
	payloads, err := replies[1].ToArray()
	if err != nil {
		return nil, err
	}
	if len(records) != len(members) || len(payloads) != len(members) {
		return nil, errReply
	}
	letters := make([]deadLetter, 0, len(members))
	for i, member := range members {
		if records[i].IsNil() {
			continue // retried or discarded meanwhile
		}
		record, _ := records[i].ToString()
		f := firing{member: member, status: record}
		if text, err := payloads[i].ToString(); err == nil {
			f.payload = &text
		}
		e, err := l.event(q, f)
		letters = append(letters, deadLetter{e, err})
	}
	return letters, nil
}

// refused reports whether it was the server that said no.
func isRefusal(err error) bool {
	_, ok := rueidis.IsRedisErr(err)
	return ok
}

// Retry gives a dead letter new attempts, the first at once, each with a higher
// Event.Attempt than before: failures and lapses are counted anew. One script.
//
// Errors: ErrNotFound where there is no such dead letter; ErrUnsupported for an
// event of an action that has no handler here.
func (l *Listener) Retry(ctx context.Context, e Event) error {
	return l.onDeadLetter(ctx, "Retry", e, (*queue).retry)
}

// Discard removes a dead letter and its payload. One script.
//
// Errors: those of Retry.
func (l *Listener) Discard(ctx context.Context, e Event) error {
	return l.onDeadLetter(ctx, "Discard", e, (*queue).discard)
}

func (l *Listener) onDeadLetter(ctx context.Context, op string, e Event, do func(*queue, context.Context, string) (bool, error)) error {
	t := fault.Target{Op: op, Pool: l.cfg.Pool, Key: e.Key, Write: true, Retryable: true}
	member, c, err := l.locate(e)
	if err == nil {
		err = fault.ContextError(ctx)
	}
	if err != nil {
		return t.NotApplied(err)
	}
	found, err := do(c.queue, ctx, member)
	switch {
	case err != nil:
		return sentError(t, err)
	case !found:
		return t.NotApplied(fault.ErrNotFound)
	}
	c.deadCount.Add(-1)
	c.alarm.signal()
	return nil
}

// locate gives the name of a firing in the sets, and the queue they belong to.
// An event that did not come from a listener is known by its fields.
func (l *Listener) locate(e Event) (string, *consumer, error) {
	shard, member := e.shard, e.member
	if member == "" {
		shard = l.names.shard(e.Tenant, e.Action, e.ID)
		key, err := l.names.key(triggerKey{e.Tenant, shard, e.Action, e.ID})
		if err != nil {
			return "", nil, err
		}
		member = strconv.FormatInt(e.DueAt.UnixMilli(), 10) + "|" + key
	}
	action, err := l.names.actionInKeys(e.Action)
	if err != nil {
		return "", nil, fmt.Errorf("%w: the event has no action that can be in a key", keyspace.ErrInvalidKey)
	}
	c, ok := l.consumerOf(shard, action)
	if !ok {
		return "", nil, fmt.Errorf("%w: the action %q has no handler here", fault.ErrUnsupported, e.Action)
	}
	return member, c, nil
}
