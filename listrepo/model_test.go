package listrepo_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Claims and other programs work on a queue in any order, and it behaves like
// the model. A serial queue has one claim at a time, and its items keep their
// order.
func TestClaimsAgainstAModel(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			maxAttempts := rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "attempts")
			var opts []listrepo.Option
			if maxAttempts > 0 {
				opts = append(opts, listrepo.MaxAttempts(maxAttempts))
			}
			opts = append(opts, rapid.SampledFrom([][]listrepo.Option{nil, {listrepo.TTL(time.Hour)}, {listrepo.KeepTTL()}}).Draw(rt, "lifetime")...)
			repo, prefix := newRepo[int](t, p, opts...)
			if rapid.Bool().Draw(rt, "marked") {
				repo, prefix, _, _ = newMarkedRepo(t, p, opts...)
			}
			m := &model{t: t, pools: p, key: prefix + "q", plain: repo, repo: repo, maxAttempts: maxAttempts}
			if m.serial = rapid.Bool().Draw(rt, "serial"); m.serial {
				m.repo = repo.With(listrepo.Serial())
			}
			rt.Repeat(map[string]func(*rapid.T){
				"push": m.push, "push front": m.pushFront, "pop": m.pop, "other program": m.otherProgram,
				"claim": m.claim, "claim again": m.claim, "next": m.next, "ack": m.ack, "release": m.release, "fail": m.fail, "return": m.returnItems, "extend": m.extend, "expire": m.expire, "retry": m.retry,
				"push quiet": m.pushQuiet, "put off": m.putOff, "time passes": m.pass,
				"": m.check,
			})
		})
	})
}

// model is a queue in memory. All values are different, so each item can be
// recognized.
type model struct {
	t           *testing.T
	pools       *pool.Pools
	key         string
	plain       *listrepo.ListRepo[int] // without the option Serial
	repo        *listrepo.ListRepo[int]
	maxAttempts int
	serial      bool

	values  int // the number of values pushed
	births  int // the number of items that were claimed
	list    []*entry
	expired []*entry // in the order of their first claims; of a serial queue, also those that were put back
	delayed []*entry
	claims  []*heldClaim
	dead    []*entry

	marked bool // whether the queue is certainly marked as serial
	quiet  bool // whether pushes with Quiet put off the items
	held   bool // whether a serial queue waits for the delay of its first item
}

type entry struct {
	value, birth, attempt int
	returned              int // deliveries that do not count as attempts
	id                    string
	putBack               bool // whether the last delivery was put back, so that the lease did not expire
	due                   bool // of a delayed entry, whether its time has come
}

// countedAttempts returns how many deliveries count towards MaxAttempts.
func (e *entry) countedAttempts() int { return e.attempt - e.returned }

type heldClaim struct {
	*listrepo.Claim[int]
	entries   []*entry
	leaseOver bool // the lease has expired
	lost      bool // another claim took the items
	plain     bool // the repository is without the option Serial
}

func (m *model) newEntries(rt *rapid.T) (values []int, entries []*entry) {
	for range rapid.IntRange(0, 12).Draw(rt, "n") {
		m.values++
		values = append(values, m.values)
		entries = append(entries, &entry{value: m.values})
	}
	return values, entries
}

func (m *model) push(rt *rapid.T) {
	values, entries := m.newEntries(rt)
	_, err := m.repo.Push(ctx, "q", values...)
	require.NoError(rt, err)
	m.list = append(m.list, entries...)
	m.marked = m.serial && (m.marked || len(entries) > 0)
}

// pushQuiet pushes items that are not handed out until time passes.
func (m *model) pushQuiet(rt *rapid.T) {
	values, entries := m.newEntries(rt)
	_, err := m.repo.With(listrepo.Quiet(time.Hour, time.Hour)).Push(ctx, "q", values...)
	require.NoError(rt, err)
	m.list = append(m.list, entries...)
	m.quiet = m.quiet || len(entries) > 0
	m.marked = m.serial && (m.marked || len(entries) > 0)
}

func (m *model) putOff(rt *rapid.T) {
	err := m.repo.With(listrepo.Quiet(time.Hour, time.Hour)).PutOff(ctx, "q")
	if waiting, _ := m.counts(); waiting == 0 {
		require.ErrorIs(rt, err, listrepo.ErrNotFound)
		return
	}
	require.NoError(rt, err)
	m.quiet = true
}

// pass lets the times of Quiet and of all delays pass.
func (m *model) pass(rt *rapid.T) {
	order, delayed := m.beside("order"), m.beside("delayed")
	for _, field := range []string{"until", "hold"} {
		if exists, err := pooltest.Do(m.t, m.pools, pool.Handlers, "HEXISTS", order, field).AsBool(); err == nil && exists {
			m.redis("HSET", order, field, "1")
		}
	}
	items, err := pooltest.Do(m.t, m.pools, pool.Handlers, "ZRANGE", delayed, "0", "-1").AsStrSlice()
	require.NoError(rt, err)
	require.Len(rt, items, len(m.delayed))
	for i, item := range items {
		m.redis("ZADD", delayed, "1", item)
		m.delayed[i].due = true
	}
	m.quiet, m.held = false, false
}

// beside returns a key beside the queue.
func (m *model) beside(kind string) string {
	return keyspace.Beside(kind, m.pools.Prefix(pool.Handlers)+m.key)
}

func (m *model) pushFront(rt *rapid.T) {
	values, entries := m.newEntries(rt)
	_, err := m.repo.PushFront(ctx, "q", values...)
	require.NoError(rt, err)
	m.marked = m.serial && (m.marked || len(entries) > 0)
	m.list = slices.Concat(entries, m.list)
}

func (m *model) pop(rt *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(rt, "n")
	got, err := m.plain.Pop(ctx, "q", n)
	require.NoError(rt, err)
	n = min(n, len(m.list))
	require.Equal(rt, entryValues(m.list[:n]), append([]int{}, got...))
	m.list = m.list[n:]
}

// otherProgram changes the list and knows nothing of claims.
func (m *model) otherProgram(rt *rapid.T) {
	values, entries := m.newEntries(rt)
	switch n := rapid.IntRange(0, 5).Draw(rt, "n"); rapid.IntRange(0, 2).Draw(rt, "command") {
	case 0:
		m.redis("LTRIM", m.key, strconv.Itoa(n), "-1")
		m.list = m.list[min(n, len(m.list)):]
	case 1:
		m.redis("LTRIM", m.key, "0", strconv.Itoa(-n-1))
		m.list = m.list[:max(len(m.list)-n, 0)]
	default:
		for i, v := range values {
			m.redis("RPUSH", m.key, strconv.Itoa(v))
			m.list = append(m.list, entries[i])
		}
	}
}

func (m *model) redis(args ...string) {
	require.NoError(m.t, pooltest.Do(m.t, m.pools, pool.Handlers, args...).Error())
}

func (m *model) claim(rt *rapid.T) {
	n := rapid.IntRange(1, 20).Draw(rt, "n")
	repo := m.repo
	if m.marked && rapid.Bool().Draw(rt, "without the option") {
		repo = m.plain
	}
	c, err := repo.Claim(ctx, "q", n, time.Hour)
	if m.isBusy() {
		require.ErrorIs(rt, err, listrepo.ErrBusy)
		require.False(rt, maybeApplied(err))
		require.Nil(rt, c)
		return
	}
	require.NoError(rt, err)
	m.requireClaim(rt, n, repo == m.plain, c)
}

// isBusy reports whether a serial queue has a claim in flight.
func (m *model) isBusy() bool {
	return m.serial && slices.ContainsFunc(m.claims, func(c *heldClaim) bool { return !c.lost && !c.leaseOver && len(c.entries) > 0 })
}

func maybeApplied(err error) bool {
	var op *listrepo.OpError
	return errors.As(err, &op) && op.MaybeApplied()
}

// next acks the items that are left of a claim, and then claims others.
func (m *model) next(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	last := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	if last.plain && !m.marked {
		rt.Skip("the queue lost its mark, and the claim does not set it")
	}
	n := rapid.IntRange(1, 20).Draw(rt, "n")
	c, err := last.Next(ctx, n, time.Hour)
	m.requireSettled(rt, last, last.entries, leaveOut(err, listrepo.ErrBusy))
	if m.isBusy() {
		require.ErrorIs(rt, err, listrepo.ErrBusy)
		require.Nil(rt, c)
		return
	}
	require.NotErrorIs(rt, err, listrepo.ErrBusy)
	m.requireClaim(rt, n, last.plain, c)
}

// leaveOut returns nil if err is target and nothing else.
func leaveOut(err, target error) error {
	if errors.Is(err, target) && !errors.Is(err, symphony.ErrLeaseLost) {
		return nil
	}
	return err
}

// requireClaim asserts that a claim of n items has those of the model.
func (m *model) requireClaim(rt *rapid.T, n int, plain bool, c *listrepo.Claim[int]) {
	if m.quiet || m.held {
		require.Empty(rt, c.Items)
		return
	}
	for _, c := range m.claims {
		if c.leaseOver && !c.lost {
			c.lost = true
			m.expired = append(m.expired, c.entries...)
		}
	}
	m.delayed = slices.DeleteFunc(m.delayed, func(e *entry) bool {
		if e.due {
			m.expired = append(m.expired, e)
		}
		return e.due
	})
	slices.SortFunc(m.expired, func(a, b *entry) int { return cmp.Compare(a.birth, b.birth) })
	want := m.expectClaim(n)
	m.marked = m.marked || m.serial && len(want) > 0
	require.Equal(rt, entryValues(want), valuesOf(c.Items))
	for i, e := range want {
		e.attempt++
		e.putBack, e.due = false, false
		require.Equal(rt, e.attempt, c.Items[i].Attempt)
		if e.id == "" {
			m.births++
			e.id, e.birth = c.Items[i].ID, m.births
		}
		require.Equal(rt, e.id, c.Items[i].ID)
		require.Regexp(rt, "^[0-9]{16}-", e.id, "ids order like births")
	}
	if len(want) > 0 {
		m.claims = append(m.claims, &heldClaim{Claim: c, entries: want, plain: plain})
	}
}

// expectClaim returns what a claim of n items takes: items whose lease expired,
// then those in front. An item on its last attempt is alone.
func (m *model) expectClaim(n int) (taken []*entry) {
	admits := func(e *entry) bool {
		last := func(e *entry) bool { return m.maxAttempts > 0 && e.countedAttempts()+1 >= m.maxAttempts }
		return len(taken) < n && (len(taken) == 0 || !last(e) && !last(taken[0]))
	}
	for len(m.expired) > 0 {
		e := m.expired[0]
		switch {
		case m.maxAttempts > 0 && !e.putBack && e.countedAttempts() >= m.maxAttempts:
			m.dead = append(m.dead, e)
		case admits(e):
			taken = append(taken, e)
		default:
			return taken
		}
		m.expired = m.expired[1:]
	}
	for len(m.list) > 0 && admits(m.list[0]) {
		taken, m.list = append(taken, m.list[0]), m.list[1:]
	}
	return taken
}

// drawItems draws a claim and some of its items. Half the time it draws all of
// them, and returns no items to name.
func (m *model) drawItems(rt *rapid.T) (*heldClaim, []*entry, []listrepo.Item[int]) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	c := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	if len(c.entries) == 0 || rapid.Bool().Draw(rt, "all") {
		return c, c.entries, nil
	}
	chosen := rapid.Permutation(c.entries).Draw(rt, "order")[:rapid.IntRange(1, len(c.entries)).Draw(rt, "some")]
	var items []listrepo.Item[int]
	for _, e := range chosen {
		items = append(items, listrepo.Item[int]{ID: e.id})
	}
	inOrder := slices.DeleteFunc(slices.Clone(c.entries), func(e *entry) bool { return !slices.Contains(chosen, e) })
	return c, inOrder, items
}

// requireSettled asserts that a call on a claim returned the right error. It
// reports whether the call settled the items.
func (m *model) requireSettled(rt *rapid.T, c *heldClaim, entries []*entry, err error) bool {
	if c.lost && len(c.entries) > 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
		return false
	}
	require.NoError(rt, err)
	c.entries = slices.DeleteFunc(slices.Clone(c.entries), func(e *entry) bool { return slices.Contains(entries, e) })
	return true
}

func (m *model) ack(rt *rapid.T) {
	c, entries, items := m.drawItems(rt)
	m.requireSettled(rt, c, entries, c.Ack(ctx, items...))
}

func (m *model) release(rt *rapid.T) {
	c, entries, items := m.drawItems(rt)
	if m.requireSettled(rt, c, entries, c.Release(ctx, items...)) {
		m.putFront(m.withAttemptsLeft(entries))
	}
}

// fail puts back items whose handler decided how to go on.
func (m *model) fail(rt *rapid.T) {
	c, entries, items := m.drawItems(rt)
	if rapid.Bool().Draw(rt, "give up") {
		if m.requireSettled(rt, c, entries, c.Fail(ctx, retry.GiveUp(io.EOF), items...)) {
			m.dead = append(m.dead, entries...)
		}
		return
	}
	if !m.requireSettled(rt, c, entries, c.Fail(ctx, retry.After(time.Hour, io.EOF), items...)) {
		return
	}
	back := m.withAttemptsLeft(entries)
	if m.serial {
		m.putFront(back)
		m.held = m.held || len(back) > 0
		return
	}
	for _, e := range back {
		e.putBack = true
	}
	m.delayed = append(m.delayed, back...)
}

func (m *model) returnItems(rt *rapid.T) {
	c, entries, items := m.drawItems(rt)
	if !m.requireSettled(rt, c, entries, c.Return(ctx, items...)) {
		return
	}
	for _, e := range entries {
		e.returned++
	}
	m.putFront(entries)
}

// withAttemptsLeft returns the entries that have attempts left. The others
// become dead letters.
func (m *model) withAttemptsLeft(entries []*entry) (left []*entry) {
	for _, e := range entries {
		if m.maxAttempts > 0 && e.countedAttempts() >= m.maxAttempts {
			m.dead = append(m.dead, e)
		} else {
			left = append(left, e)
		}
	}
	return left
}

// putFront puts entries back: at the front of the list, or in a serial queue
// where the order of their first claims puts them.
func (m *model) putFront(entries []*entry) {
	if !m.serial {
		m.list = slices.Concat(entries, m.list)
		return
	}
	for _, e := range entries {
		e.putBack = true
	}
	m.expired = append(m.expired, entries...)
}

func (m *model) extend(rt *rapid.T) {
	c, _, _ := m.drawItems(rt)
	if err := c.Extend(ctx, time.Hour); c.lost || len(c.entries) == 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
	} else {
		require.NoError(rt, err)
		c.leaseOver = false
	}
}

func (m *model) expire(rt *rapid.T) {
	c, _, _ := m.drawItems(rt)
	if c.lost || len(c.entries) == 0 {
		return
	}
	require.NoError(rt, c.Extend(ctx, time.Millisecond))
	c.leaseOver = true
	waiting, _ := m.counts()
	require.Eventually(rt, func() bool {
		b, err := m.repo.Backlog(ctx, "q")
		return err == nil && b.Waiting == waiting
	}, 10*time.Second, time.Millisecond)
}

func (m *model) retry(rt *rapid.T) {
	if len(m.dead) == 0 {
		rt.Skip("no dead letters")
	}
	chosen := rapid.Permutation(m.dead).Draw(rt, "order")[:rapid.IntRange(1, len(m.dead)).Draw(rt, "some")]
	var ids []string
	for _, e := range chosen {
		ids = append(ids, e.id)
	}
	n, err := m.repo.Retry(ctx, "q", ids...)
	require.NoError(rt, err)
	require.EqualValues(rt, len(chosen), n)
	m.dead = slices.DeleteFunc(m.dead, func(e *entry) bool { return slices.Contains(ids, e.id) })
	m.putFront(chosen)
	m.marked = m.serial
}

func (m *model) counts() (waiting, held int64) {
	waiting = int64(len(m.list) + len(m.expired) + len(m.delayed))
	for _, c := range m.claims {
		switch {
		case c.lost:
		case c.leaseOver:
			waiting += int64(len(c.entries))
		default:
			held += int64(len(c.entries))
		}
	}
	return waiting, held
}

func (m *model) check(rt *rapid.T) {
	got, err := m.repo.Range(ctx, "q", 0, -1)
	require.NoError(rt, err)
	require.Equal(rt, entryValues(m.list), append([]int{}, got...))
	b, err := m.repo.Backlog(ctx, "q")
	require.NoError(rt, err)
	waiting, held := m.counts()
	if waiting+held == 0 { // the next claim or ack removes what orders the queue
		m.redis("DEL", m.beside("order"))
		m.marked, m.quiet, m.held = false, false, false
	}
	require.Equal(rt, listrepo.Backlog{Waiting: waiting, Claimed: held, Dead: int64(len(m.dead)), Oldest: b.Oldest, Ready: b.Ready}, b)
	require.Equal(rt, waiting+held == 0, b.Ready.IsZero())
	dead := map[string]string{}
	for d, err := range m.repo.Dead(ctx, "q") {
		require.NoError(rt, err)
		dead[d.ID] = fmt.Sprint(d.Value, d.Attempt)
	}
	want := map[string]string{}
	for _, e := range m.dead {
		want[e.id] = fmt.Sprint(e.value, e.attempt)
	}
	require.Equal(rt, want, dead)
}

func entryValues(entries []*entry) []int {
	out := make([]int, len(entries))
	for i, e := range entries {
		out[i] = e.value
	}
	return out
}
