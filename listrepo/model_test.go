package listrepo_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Claims and other programs work on a queue in any order, and it behaves like
// the model.
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
			m := &model{t: t, pools: p, key: prefix + "q", repo: repo, maxAttempts: maxAttempts}
			rt.Repeat(map[string]func(*rapid.T){
				"push": m.push, "push front": m.pushFront, "pop": m.pop, "other program": m.otherProgram,
				"claim": m.claim, "claim again": m.claim, "next": m.next, "ack": m.ack, "release": m.release, "return": m.returnItems, "extend": m.extend, "expire": m.expire, "retry": m.retry,
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
	repo        *listrepo.ListRepo[int]
	maxAttempts int

	values  int // the number of values pushed
	births  int // the number of items that were claimed
	list    []*entry
	expired []*entry // in the order of their first claims
	claims  []*heldClaim
	dead    []*entry
}

type entry struct {
	value, birth, attempt int
	returned              int // deliveries that do not count as attempts
	id                    string
}

// countedAttempts returns how many deliveries count towards MaxAttempts.
func (e *entry) countedAttempts() int { return e.attempt - e.returned }

type heldClaim struct {
	*listrepo.Claim[int]
	entries   []*entry
	leaseOver bool // the lease has expired
	lost      bool // another claim took the items
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
}

func (m *model) pushFront(rt *rapid.T) {
	values, entries := m.newEntries(rt)
	_, err := m.repo.PushFront(ctx, "q", values...)
	require.NoError(rt, err)
	m.list = slices.Concat(entries, m.list)
}

func (m *model) pop(rt *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(rt, "n")
	got, err := m.repo.Pop(ctx, "q", n)
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
	c, err := m.repo.Claim(ctx, "q", n, time.Hour)
	require.NoError(rt, err)
	m.requireClaim(rt, n, c)
}

// next acks the items that are left of a claim, and then claims others.
func (m *model) next(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	last := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	n := rapid.IntRange(1, 20).Draw(rt, "n")
	c, err := last.Next(ctx, n, time.Hour)
	m.requireSettled(rt, last, last.entries, err)
	m.requireClaim(rt, n, c)
}

// requireClaim asserts that a claim of n items has those of the model.
func (m *model) requireClaim(rt *rapid.T, n int, c *listrepo.Claim[int]) {
	for _, c := range m.claims {
		if c.leaseOver && !c.lost {
			c.lost = true
			m.expired = append(m.expired, c.entries...)
		}
	}
	slices.SortFunc(m.expired, func(a, b *entry) int { return cmp.Compare(a.birth, b.birth) })
	want := m.expectClaim(n)
	require.Equal(rt, entryValues(want), valuesOf(c.Items))
	for i, e := range want {
		e.attempt++
		require.Equal(rt, e.attempt, c.Items[i].Attempt)
		if e.id == "" {
			m.births++
			e.id, e.birth = c.Items[i].ID, m.births
		}
		require.Equal(rt, e.id, c.Items[i].ID)
		require.Regexp(rt, "^[0-9]{16}-", e.id, "ids order like births")
	}
	if len(want) > 0 {
		m.claims = append(m.claims, &heldClaim{Claim: c, entries: want})
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
		case m.maxAttempts > 0 && e.countedAttempts() >= m.maxAttempts:
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
	if !m.requireSettled(rt, c, entries, c.Release(ctx, items...)) {
		return
	}
	var back []*entry
	for _, e := range entries {
		if m.maxAttempts > 0 && e.countedAttempts() >= m.maxAttempts {
			m.dead = append(m.dead, e)
		} else {
			back = append(back, e)
		}
	}
	m.list = slices.Concat(back, m.list)
}

func (m *model) returnItems(rt *rapid.T) {
	c, entries, items := m.drawItems(rt)
	if !m.requireSettled(rt, c, entries, c.Return(ctx, items...)) {
		return
	}
	for _, e := range entries {
		e.returned++
	}
	m.list = slices.Concat(entries, m.list)
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
	m.list = slices.Concat(chosen, m.list)
}

func (m *model) counts() (waiting, held int64) {
	waiting = int64(len(m.list) + len(m.expired))
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
	require.Equal(rt, listrepo.Backlog{Waiting: waiting, Claimed: held, Dead: int64(len(m.dead)), Oldest: b.Oldest}, b)
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
