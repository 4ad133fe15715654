package systemtest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Whatever programs do with the queues of a service, a queue with items that
// the library changed last is in the schedule, no later than it can hand out
// something, and its tenant is pending. In the end, no key is left.
func TestScheduleAgainstAModel(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newScheduleModel(t, p)
			rt.Repeat(map[string]func(*rapid.T){
				"enqueue": m.enqueue, "enqueue again": m.enqueue, "put off": m.putOff, "trim": m.trim,
				"claim": m.claim, "claim again": m.claim, "next": m.next, "settle": m.settle, "settle again": m.settle, "extend": m.extend, "process": m.process,
				"dead letters": m.deadLetters, "take": m.take, "defer": m.deferQueue, "sweep": m.sweep, "remove": m.remove,
				"other program": m.otherProgram, "clock": m.setClockBack,
				"": m.check,
			})
			m.drain(rt)
		})
	})
}

// scheduleModel is a service with queues of several tenants.
type scheduleModel struct {
	t       *testing.T
	p       *pool.Pools
	service string
	set     *pending.Set
	setKey  string // without the pool's prefix
	tenants string // the key of the tenants of the schedule
	queues  []*scheduledQueue
}

type scheduledQueue struct {
	name   pending.Queue
	batch  *symphony.Batch[int]
	queue  symphony.Queue
	key    string
	claims []*listrepo.Claim[int]
	stale  bool    // whether the schedule may be too late, since another program changed something
	gone   bool    // whether the tenant may not be pending, since somebody removed it
	pause  float64 // until when the queue may be held or deferred, ms
}

func newScheduleModel(t *testing.T, p *pool.Pools) *scheduleModel {
	m := &scheduleModel{t: t, p: p, service: pooltest.UniqueTenant()}
	space, err := p.Layout().PendingSet.Bind()
	require.NoError(t, err)
	s, err := store.New(p, pool.Handlers, space, store.Spec{Kind: store.Set, Traits: option.Queues})
	require.NoError(t, err)
	m.set = pending.New(s, m.service, p.Layout().BatchList)
	key, err := p.Layout().PendingSet.Key(m.service)
	require.NoError(t, err)
	m.setKey, m.tenants = key, pending.TenantsKey(p.Prefix(pool.Handlers)+key)
	for _, tenant := range []string{"a", "a:b", "50%3Aü"} {
		batch, err := symphony.NewBatch[int](p, tenant, symphony.MaxAttempts(3))
		require.NoError(t, err)
		for _, action := range []string{"x", "y:z"} {
			key, err := p.Layout().BatchList.Key(tenant, m.service, "e", action)
			require.NoError(t, err)
			m.queues = append(m.queues, &scheduledQueue{
				name: pending.Queue{Tenant: tenant, Entity: "e", Action: action}, batch: batch,
				queue: symphony.Queue{Service: m.service, Entity: "e", Action: action}, key: key,
			})
		}
	}
	return m
}

func (m *scheduleModel) do(args ...string) (int64, error) {
	return pooltest.Do(m.t, m.p, pool.Handlers, args...).AsInt64()
}

func (m *scheduleModel) draw(rt *rapid.T) *scheduledQueue {
	return rapid.SampledFrom(m.queues).Draw(rt, "queue")
}

// drawClaim draws a claim and some of its items. Half the time it draws all of
// them, and returns no items to name.
func (m *scheduleModel) drawClaim(rt *rapid.T) (*scheduledQueue, *listrepo.Claim[int], []listrepo.Item[int]) {
	q := m.draw(rt)
	if len(q.claims) == 0 {
		rt.Skip("no claims")
	}
	c := rapid.SampledFrom(q.claims).Draw(rt, "claim")
	if rapid.Bool().Draw(rt, "all") {
		return q, c, nil
	}
	return q, c, c.Items[:rapid.IntRange(1, len(c.Items)).Draw(rt, "some")]
}

var shortOrLong = rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour})

func (m *scheduleModel) enqueue(rt *rapid.T) {
	q := m.draw(rt)
	length, err := q.batch.Len(ctx, q.queue)
	require.NoError(rt, err)
	usual := [][]symphony.Option{nil, {symphony.IfExists()}, {symphony.KeepTTL()}}
	repairing := [][]symphony.Option{
		{symphony.Serial()}, {symphony.MaxLen(5)}, {symphony.TTL(time.Hour)},
		{symphony.Quiet(time.Millisecond, time.Hour)}, {symphony.Quiet(time.Hour, time.Hour), symphony.Serial()},
	}
	repairs := rapid.Bool().Draw(rt, "repairs")
	if repairs {
		usual = repairing
	}
	opts := rapid.SampledFrom(usual).Draw(rt, "options")
	_, err = q.batch.With(opts...).Enqueue(ctx, q.queue, make([]int, rapid.IntRange(1, 4).Draw(rt, "n"))...)
	if errors.Is(err, symphony.ErrFull) || errors.Is(err, symphony.ErrNotFound) {
		return
	}
	require.NoError(rt, err)
	q.gone = false
	if length == 0 {
		q.changed()
	} else if repairs {
		q.stale = false // but a pause goes on
	}
}

func (m *scheduleModel) putOff(rt *rapid.T) {
	q := m.draw(rt)
	err := q.batch.With(symphony.Quiet(shortOrLong.Draw(rt, "quiet"), time.Hour)).PutOff(ctx, q.queue)
	if errors.Is(err, symphony.ErrNotFound) {
		return
	}
	require.NoError(rt, err)
	q.changed()
}

func (m *scheduleModel) trim(rt *rapid.T) {
	q := m.draw(rt)
	require.NoError(rt, q.batch.Trim(ctx, q.queue, rapid.Int64Range(0, 3).Draw(rt, "start"), -1))
}

// changed notes that the library put the queue's time right.
func (q *scheduledQueue) changed() { q.stale, q.pause = false, 0 }

func (m *scheduleModel) claim(rt *rapid.T) {
	q := m.draw(rt)
	c, err := q.batch.Claim(ctx, q.queue, rapid.IntRange(1, 5).Draw(rt, "n"), shortOrLong.Draw(rt, "lease"))
	m.claimed(rt, q, c, err)
}

func (m *scheduleModel) claimed(rt *rapid.T, q *scheduledQueue, c *listrepo.Claim[int], err error) {
	if !errors.Is(err, symphony.ErrBusy) && !errors.Is(err, symphony.ErrLeaseLost) {
		require.NoError(rt, err)
	}
	if c != nil && len(c.Items) > 0 {
		q.claims = append(q.claims, c)
	}
	q.changed()
}

func (m *scheduleModel) next(rt *rapid.T) {
	q, c, _ := m.drawClaim(rt)
	next, err := c.Next(ctx, 2, shortOrLong.Draw(rt, "lease"))
	m.claimed(rt, q, next, err)
}

// settle acks items or puts them back.
func (m *scheduleModel) settle(rt *rapid.T) {
	_, c, items := m.drawClaim(rt)
	var err error
	switch rapid.IntRange(0, 5).Draw(rt, "how") {
	case 0:
		err = c.Release(ctx, items...)
	case 1:
		err = c.Fail(ctx, symphony.GiveUp(errHandlerFailed), items...)
	case 2:
		err = c.Fail(ctx, symphony.RetryAfter(shortOrLong.Draw(rt, "delay"), errHandlerFailed), items...)
	case 3:
		err = c.Return(ctx, items...)
	default:
		err = c.Ack(ctx, items...)
	}
	if !errors.Is(err, symphony.ErrLeaseLost) && !errors.Is(err, symphony.ErrNotFound) {
		require.NoError(rt, err)
	}
}

func (m *scheduleModel) extend(rt *rapid.T) {
	_, c, _ := m.drawClaim(rt)
	if err := c.Extend(ctx, shortOrLong.Draw(rt, "lease")); !errors.Is(err, symphony.ErrLeaseLost) {
		require.NoError(rt, err)
	}
}

func (m *scheduleModel) process(rt *rapid.T) {
	q := m.draw(rt)
	want := rapid.SampledFrom([]error{nil, errHandlerFailed, symphony.RetryAfter(time.Hour, errHandlerFailed)}).Draw(rt, "error")
	_, err := q.batch.Process(ctx, q.queue, 3, func(context.Context, []listrepo.Item[int]) error { return want })
	if err != nil && !errors.Is(err, symphony.ErrBusy) {
		require.ErrorIs(rt, err, errHandlerFailed)
	}
	q.changed()
}

func (m *scheduleModel) deadLetters(rt *rapid.T) {
	q := m.draw(rt)
	var ids []string
	for d, err := range q.batch.Dead(ctx, q.queue) {
		require.NoError(rt, err)
		ids = append(ids, d.ID)
	}
	if len(ids) == 0 {
		rt.Skip("no dead letters")
	}
	if rapid.Bool().Draw(rt, "discard") {
		_, err := q.batch.Discard(ctx, q.queue, ids...)
		require.NoError(rt, err)
		return
	}
	_, err := q.batch.Retry(ctx, q.queue, ids...)
	require.NoError(rt, err)
	q.changed()
}

func (m *scheduleModel) take(rt *rapid.T) {
	look, err := m.set.Take(ctx, "Take", rapid.IntRange(1, 4).Draw(rt, "n"), pending.Sweeper{})
	require.NoError(rt, err)
	require.NoError(rt, look.Foreign)
	for _, name := range look.Queues {
		i := slices.IndexFunc(m.queues, func(q *scheduledQueue) bool { return q.name == name })
		m.queues[i].stale, m.queues[i].pause = false, now()+2000
	}
}

func (m *scheduleModel) deferQueue(rt *rapid.T) {
	q := m.draw(rt)
	require.NoError(rt, m.set.Defer(ctx, "Defer", q.name, time.Minute))
	q.pause = now() + 60_000
}

// sweep checks all queues, as a scan of the sweep does.
func (m *scheduleModel) sweep(rt *rapid.T) {
	for _, q := range m.queues {
		_, err := m.set.Check(ctx, "Check", q.name)
		require.NoError(rt, err)
		q.stale = false
	}
}

func (m *scheduleModel) remove(rt *rapid.T) {
	tenant := m.draw(rt).name.Tenant
	if rapid.Bool().Draw(rt, "force") {
		require.NoError(rt, symphony.ForceRemoveFromPending(ctx, m.p, m.service, tenant))
		for _, q := range m.queues {
			q.stale = q.stale || q.name.Tenant == tenant
			q.gone = q.gone || q.name.Tenant == tenant
		}
		return
	}
	gone, err := symphony.RemoveFromPending(ctx, m.p, m.service, tenant)
	require.NoError(rt, err)
	for _, q := range m.queues {
		if q.name.Tenant == tenant && gone {
			require.True(rt, math.IsInf(m.ready(rt, q), 1), "%v has items", q.name)
		}
	}
}

// otherProgram works on a queue as the Python package does.
func (m *scheduleModel) otherProgram(rt *rapid.T) {
	q := m.draw(rt)
	var err error
	switch rapid.IntRange(0, 3).Draw(rt, "command") {
	case 0:
		_, err = m.do("RPUSH", q.key, "1")
		require.NoError(rt, err)
		_, err = m.do("SADD", m.setKey, q.name.Tenant)
	case 1:
		err = pooltest.Do(m.t, m.p, pool.Handlers, "LTRIM", q.key, "1", "-1").Error()
	case 2:
		_, err = m.do("DEL", q.key)
	default:
		_, err = m.do("SREM", m.setKey, q.name.Tenant)
		for _, other := range m.queues {
			other.gone = other.gone || other.name.Tenant == q.name.Tenant
		}
	}
	require.NoError(rt, err)
	q.stale = true
}

// setClockBack makes the times of the schedule those of a clock that was ahead.
func (m *scheduleModel) setClockBack(rt *rapid.T) {
	for _, q := range m.queues {
		q.stale = true
		at, ok := m.score(rt, m.queuesKey(q), m.member(rt, q))
		if !ok || q.pause > now() {
			continue
		}
		ahead := strconv.FormatFloat(at+3_600_000, 'f', -1, 64)
		_, err := m.do("ZADD", m.queuesKey(q), ahead, m.member(rt, q))
		require.NoError(rt, err)
		_, err = m.do("ZADD", m.tenants, "XX", ahead, pending.EscapeTenant(q.name.Tenant))
		require.NoError(rt, err)
	}
}

func (m *scheduleModel) queuesKey(q *scheduledQueue) string {
	return pending.QueuesKey(m.p.Prefix(pool.Handlers)+m.setKey, q.name.Tenant)
}

func (m *scheduleModel) member(rt *rapid.T, q *scheduledQueue) string {
	member, err := q.name.Member()
	require.NoError(rt, err)
	return member
}

func (m *scheduleModel) score(rt *rapid.T, key, member string) (float64, bool) {
	r := pooltest.Do(m.t, m.p, pool.Handlers, "ZSCORE", key, member)
	if at, err := r.AsFloat64(); err == nil {
		return at, true
	}
	return 0, false
}

// now returns the time in milliseconds.
func now() float64 { return float64(time.Now().UnixMicro()) / 1000 }

// beside returns a key beside the queue.
func (m *scheduleModel) beside(kind string, q *scheduledQueue) string {
	return keyspace.Beside(kind, m.p.Prefix(pool.Handlers)+q.key)
}

// ready returns when the queue can hand out something, by its keys: a time in
// the past if it can now, and infinity if it has no items.
func (m *scheduleModel) ready(rt *rapid.T, q *scheduledQueue) float64 {
	at := math.Inf(1)
	order, err := pooltest.Do(m.t, m.p, pool.Handlers, "HGETALL", m.beside("order", q)).AsStrMap()
	require.NoError(rt, err)
	_, serial := order["serial"]
	waiting, err := m.do("EXISTS", q.key, m.beside("again", q))
	require.NoError(rt, err)
	if waiting > 0 {
		at = 0
	}
	busy := 0.0
	for _, kind := range []string{"due", "delayed"} {
		scores, err := pooltest.Do(m.t, m.p, pool.Handlers, "ZRANGE", m.beside(kind, q), "0", "-1", "WITHSCORES").AsZScores()
		require.NoError(rt, err)
		for _, s := range scores {
			at = min(at, s.Score)
			if kind == "due" && serial && s.Score > now() {
				busy = max(busy, s.Score)
			}
		}
	}
	for _, field := range []string{"until", "hold"} {
		if ms, err := strconv.ParseFloat(order[field], 64); err == nil && (field == "until" || serial) {
			at = max(at, ms)
		}
	}
	return max(at, busy)
}

func (m *scheduleModel) check(rt *rapid.T) {
	for _, q := range m.queues {
		ready := m.ready(rt, q)
		if q.stale || math.IsInf(ready, 1) {
			continue
		}
		latest := max(ready, now(), q.pause)
		at, ok := m.score(rt, m.queuesKey(q), m.member(rt, q))
		require.True(rt, ok, "%v has items and is not in the schedule", q.name)
		require.LessOrEqual(rt, at, latest+1, "%v is handed out too late", q.name)
		turn, ok := m.score(rt, m.tenants, pending.EscapeTenant(q.name.Tenant))
		require.True(rt, ok, "the tenant of %v is not in the schedule", q.name)
		require.LessOrEqual(rt, turn, latest+1, "the tenant of %v has its turn too late", q.name)
		member, err := m.do("SISMEMBER", m.setKey, q.name.Tenant)
		require.NoError(rt, err)
		require.True(rt, member == 1 || q.gone, "the tenant of %v is not pending", q.name)
	}
}

// drain lets all times pass, works as workers do until nothing is left, and
// asserts that no key is left.
func (m *scheduleModel) drain(rt *rapid.T) {
	for _, q := range m.queues {
		for _, kind := range []string{"due", "delayed"} {
			members, err := pooltest.Do(m.t, m.p, pool.Handlers, "ZRANGE", m.beside(kind, q), "0", "-1").AsStrSlice()
			require.NoError(rt, err)
			for _, member := range members {
				_, err := m.do("ZADD", m.beside(kind, q), "1", member)
				require.NoError(rt, err)
			}
		}
		_, err := m.do("HDEL", m.beside("order", q), "until", "hold")
		require.NoError(rt, err)
		if q.pause > now() {
			_, err := m.do("ZADD", m.queuesKey(q), "XX", "1", m.member(rt, q))
			require.NoError(rt, err)
			_, err = m.do("ZADD", m.tenants, "XX", "1", pending.EscapeTenant(q.name.Tenant))
			require.NoError(rt, err)
		}
	}
	m.sweep(rt)
	for {
		look, err := m.set.Take(ctx, "Take", 10, pending.Sweeper{})
		require.NoError(rt, err)
		if len(look.Queues) == 0 {
			break
		}
		for _, name := range look.Queues {
			i := slices.IndexFunc(m.queues, func(q *scheduledQueue) bool { return q.name == name })
			_, err := m.queues[i].batch.Process(ctx, m.queues[i].queue, 100, func(context.Context, []listrepo.Item[int]) error { return nil })
			require.NoError(rt, err)
		}
	}
	for _, q := range m.queues {
		require.True(rt, math.IsInf(m.ready(rt, q), 1), "%v has items that nobody hands out", q.name)
		m.discardAll(rt, q)
	}
	for _, q := range m.queues {
		gone, err := symphony.RemoveFromPending(ctx, m.p, m.service, q.name.Tenant)
		require.NoError(rt, err)
		require.True(rt, gone)
	}
	left := slices.DeleteFunc(pooltest.Keys(m.t, m.p, pool.Handlers), func(key string) bool { return !strings.Contains(key, m.service) })
	require.Empty(rt, left)
}

func (m *scheduleModel) discardAll(rt *rapid.T, q *scheduledQueue) {
	var ids []string
	for d, err := range q.batch.Dead(ctx, q.queue) {
		require.NoError(rt, err)
		ids = append(ids, d.ID)
	}
	if len(ids) > 0 {
		_, err := q.batch.Discard(ctx, q.queue, ids...)
		require.NoError(rt, err)
	}
}
