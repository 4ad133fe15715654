package expiry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// deadPageSize is the number of dead letters that one round trip reads.
const deadPageSize = 100

// Dead iterates over the dead letters of all actions that the listener handles.
// Those of one action come in the order in which they died; on a cluster, in
// that order for each shard. Firings that die during the loop are left out. The
// loop may call [Listener.Retry] and [Listener.Discard].
//
// For each action, and on a cluster for each of its shards, Dead sends one
// ZRANGE, or two if there are dead letters. For each page of 100 it sends
// another ZRANGE, two HMGET in one round trip, two ZCOUNT in one round trip,
// and a few ZRANGE to find the next page. Dead is not atomic.
//
// If a dead letter is invalid, Dead yields it with [ErrWrongType], and Discard
// can remove it. If the server refuses a command, for example because a key of
// the schedule holds another type, Dead yields the error and continues with the
// next action. If the server does not reply, Dead yields the error and stops.
func (l *Listener) Dead(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		t := fault.Target{Op: "Dead", Pool: l.cfg.Pool}
		for _, c := range l.consumers {
			if !l.reader().yieldDead(ctx, t, c.queue, yield) {
				return
			}
		}
	}
}

func (l *Listener) reader() reader { return reader{l.names, l.cfg.Codec, l.pools.MaxDecodedBytes()} }

// yieldDead yields the dead letters of one queue. It reports whether to
// continue.
func (r reader) yieldDead(ctx context.Context, t fault.Target, q *queue, yield func(Event, error) bool) bool {
	t.Key = q.dead
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
		if events, err = r.readDead(ctx, &t, q, members); err != nil {
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

// deadBetween returns the dead letters from the first to the last position.
// Negative positions count from the end.
func (q *queue) deadBetween(ctx context.Context, from, to int64) ([]rueidis.ZScore, error) {
	return q.entriesBetween(ctx, q.dead, from, to)
}

// entriesBetween returns the entries of a sorted set of the schedule, as
// deadBetween does.
func (q *queue) entriesBetween(ctx context.Context, key string, from, to int64) ([]rueidis.ZScore, error) {
	r := q.client.Do(ctx, q.client.B().Zrange().Key(key).Min(strconv.FormatInt(from, 10)).Max(strconv.FormatInt(to, 10)).Withscores().Build())
	m, err := r.ToMessage()
	if err == nil && !scoresReply(m) {
		err = store.ErrShape
	}
	if err != nil {
		return nil, err
	}
	return m.AsZScores()
}

// scoresReply reports whether m is an array of members with their scores:
// pairs, or in RESP2 a member and a score in turn.
func scoresReply(m rueidis.RedisMessage) bool {
	if !m.IsArray() {
		return false
	}
	parts, err := m.ToArray()
	if err != nil || len(parts) == 0 {
		return err == nil
	}
	if !parts[0].IsArray() {
		for i, part := range parts {
			if i%2 == 0 && !store.Text(part) || i%2 == 1 && !isScore(part) {
				return false
			}
		}
		return len(parts)%2 == 0
	}
	pair := store.Tuple(store.Text, isScore)
	return !slices.ContainsFunc(parts, func(part rueidis.RedisMessage) bool { return !pair(part) })
}

func isScore(m rueidis.RedisMessage) bool {
	_, err := m.AsFloat64()
	return err == nil
}

// countDeadUntil returns the number of dead letters up to and including z,
// which may have been removed.
func (q *queue) countDeadUntil(ctx context.Context, z rueidis.ZScore) (int64, error) {
	score := strconv.FormatFloat(z.Score, 'f', -1, 64)
	replies := q.client.DoMulti(ctx,
		q.client.B().Zcount().Key(q.dead).Min("-inf").Max("("+score).Build(),
		q.client.B().Zcount().Key(q.dead).Min("-inf").Max(score).Build())
	low, err := readCount(replies[0])
	if err != nil {
		return 0, err
	}
	high, err := readCount(replies[1])
	if err != nil {
		return 0, err
	}
	more := sort.Search(int(high-low), func(i int) bool { // members with the same score are sorted by name
		at, e := q.deadBetween(ctx, low+int64(i), low+int64(i))
		err = errors.Join(err, e)
		return e != nil || len(at) == 0 || at[0].Member > z.Member
	})
	return low + int64(more), err
}

// deadLetter is a dead letter, or the error of an invalid one.
type deadLetter struct {
	Event
	err error
}

// readDead reads the statuses and payloads of members. It sets the key of t to
// the key that it reads.
func (r reader) readDead(ctx context.Context, t *fault.Target, q *queue, members []string) ([]deadLetter, error) {
	replies := q.client.DoMulti(ctx,
		q.client.B().Hmget().Key(q.status).Field(members...).Build(),
		q.client.B().Hmget().Key(q.payloads).Field(members...).Build())
	t.Key = q.status
	statuses, err := replies[0].ToArray()
	if err != nil {
		return nil, err
	}
	t.Key = q.payloads
	payloads, err := replies[1].ToArray()
	if err != nil {
		return nil, err
	}
	if len(statuses) != len(members) || len(payloads) != len(members) ||
		slices.ContainsFunc(slices.Concat(statuses, payloads), func(m rueidis.RedisMessage) bool { return !store.TextOrNil(m) }) {
		return nil, errReply
	}
	all := make([]deadLetter, 0, len(members))
	for i, member := range members {
		if statuses[i].IsNil() {
			continue // it was retried or discarded meanwhile
		}
		status, _ := statuses[i].ToString()
		f := firing{member: member, status: status}
		if text, err := payloads[i].ToString(); err == nil {
			f.payload = &text
		}
		e, err := r.event(q, f)
		all = append(all, deadLetter{e, err})
	}
	return all, nil
}

// isRefusal reports whether the server replied with an error.
func isRefusal(err error) bool {
	_, ok := rueidis.IsRedisErr(err)
	return ok
}

// Retry redelivers a dead letter at once. Its failures and expired leases count
// from zero again; [Event.Attempt] continues to increase. The event comes from
// [Listener.Dead], or has the Tenant, Action, ID and DueAt of the dead letter.
//
// If another firing of the same action and id has begun and is not done, the
// dead letter is redelivered when that one is done or dead. Until then it
// remains a dead letter: Dead yields it, and Discard removes it. Several such
// dead letters are redelivered one after the other, in the order of the calls
// of Retry, and before a trigger that is due.
//
// Retry runs one script, which is atomic. The client repeats it if the
// connection breaks. Then Retry may return [ErrNotFound] for a dead letter that
// it redelivered.
//
// If there is no such dead letter, Retry returns [ErrNotFound]. If no key can
// contain the parts of the event, it returns [ErrInvalidKey]. If the listener
// has no handler for the action, it returns [ErrUnsupported]. If a key of the
// schedule holds another type, it returns [ErrWrongType].
func (l *Listener) Retry(ctx context.Context, e Event) error {
	return l.onDeadLetter(ctx, "Retry", e, (*queue).retry)
}

// Discard removes a dead letter and its payload. It runs one script in the same
// way as [Listener.Retry], takes the same events, and returns the same errors.
func (l *Listener) Discard(ctx context.Context, e Event) error {
	return l.onDeadLetter(ctx, "Discard", e, (*queue).discard)
}

func (l *Listener) onDeadLetter(ctx context.Context, op string, e Event, do func(*queue, context.Context, string) (deadLetterResult, error)) error {
	t := fault.Target{Op: op, Pool: l.cfg.Pool, Key: e.Key, Write: true, Retryable: true}
	member, c, err := l.locate(e)
	if err == nil {
		err = fault.ContextError(ctx)
	}
	if err != nil {
		return t.NotApplied(err)
	}
	result, err := do(c.queue, ctx, member)
	switch {
	case err != nil:
		return sentError(t, err)
	case result == deadLetterMissing:
		return t.NotApplied(fault.ErrNotFound)
	case result == deadLetterGone:
		c.deadCount.Add(-1)
		c.alarm.Signal()
	}
	return nil
}

// locate returns the name of the event's firing and its consumer.
func (l *Listener) locate(e Event) (string, *consumer, error) {
	member, shard, action, err := l.names.locate(e)
	if err != nil {
		return "", nil, err
	}
	c, ok := l.consumerOf(shard, action)
	if !ok {
		return "", nil, fmt.Errorf("%w: this listener has no handler for the action %q; register one with On, or call a listener that has one", fault.ErrUnsupported, e.Action)
	}
	return member, c, nil
}

// locate returns the name of the event's firing, its shard and its action as
// keys contain it. If the event was not read from a schedule, the name is built
// from its fields.
func (n naming) locate(e Event) (member, shard, action string, err error) {
	shard, member = e.shard, e.member
	if member == "" {
		shard = n.shard(e.Tenant, e.Action, e.ID)
		key, err := n.key(triggerKey{e.Tenant, shard, e.Action, e.ID})
		if err != nil {
			return "", "", "", err
		}
		member = strconv.FormatInt(e.DueAt.UnixMilli(), 10) + "|" + key
	}
	if action, err = n.actionInKeys(e.Action); err != nil {
		return "", "", "", fmt.Errorf("%w: no key can contain the action %q of the event; pass an event of Dead", keyspace.ErrInvalidKey, e.Action)
	}
	return member, shard, action, nil
}

func readCount(r rueidis.RedisResult) (int64, error) {
	m, err := r.ToMessage()
	if err == nil && !store.Count(m) {
		err = store.ErrShape
	}
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}
