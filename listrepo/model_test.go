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

// Whatever is done to a queue, by claims and by programs that know nothing of
// claims, in whatever order, it behaves as the model does.
func TestClaimsAgainstAModel(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			most := rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "attempts")
			var opts []listrepo.Option
			if most > 0 {
				opts = append(opts, listrepo.MaxAttempts(most))
			}
			opts = append(opts, rapid.SampledFrom([][]listrepo.Option{nil, {listrepo.TTL(time.Hour)}, {listrepo.KeepTTL()}}).Draw(rt, "lifetime")...)
			repo, prefix := newRepo[int](t, p, opts...)
			if rapid.Bool().Draw(rt, "marked") {
				repo = repo.Marked(listrepo.Marks{Set: prefix + "marks", Member: "who", Queue: "which"})
			}
			m := &model{t: t, pools: p, key: prefix + "q", repo: repo, most: most}
			rt.Repeat(map[string]func(*rapid.T){
				"push": m.push, "push front": m.pushFront, "pop": m.pop, "other program": m.other,
				"claim": m.claim, "claim again": m.claim, "next": m.next, "ack": m.ack, "release": m.release, "return": m.giveBack, "extend": m.extend, "lapse": m.lapse, "retry": m.retry,
				"": m.check,
			})
		})
	})
}

// model is a queue in memory. Values are all different, so that every item can
// be told from the others.
type model struct {
	t     *testing.T
	pools *pool.Pools
	key   string
	repo  *listrepo.ListRepo[int]
	most  int

	values int // given out so far
	births int // likewise
	list   []*entry
	lapsed []*entry // in the order of their births
	claims []*claimed
	dead   []*entry
}

type entry struct {
	value, birth, attempt int
	returned              int // deliveries that do not count
	id                    string
}

// tried is how many deliveries count towards the bound.
func (e *entry) tried() int { return e.attempt - e.returned }

type claimed struct {
	*listrepo.Claim[int]
	entries []*entry
	over    bool // its lease has ended
	lost    bool // and a claim has noticed
}

func (m *model) fresh(rt *rapid.T) (values []int, entries []*entry) {
	for range rapid.IntRange(0, 12).Draw(rt, "n") {
		m.values++
		values = append(values, m.values)
		entries = append(entries, &entry{value: m.values})
	}
	return values, entries
}

func (m *model) push(rt *rapid.T) {
	values, entries := m.fresh(rt)
	_, err := m.repo.Push(ctx, "q", values...)
	require.NoError(rt, err)
	m.list = append(m.list, entries...)
}

func (m *model) pushFront(rt *rapid.T) {
	values, entries := m.fresh(rt)
	_, err := m.repo.PushFront(ctx, "q", values...)
	require.NoError(rt, err)
	m.list = slices.Concat(entries, m.list)
}

func (m *model) pop(rt *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(rt, "n")
	got, err := m.repo.Pop(ctx, "q", n)
	require.NoError(rt, err)
	n = min(n, len(m.list))
	require.Equal(rt, of(m.list[:n]), append([]int{}, got...))
	m.list = m.list[n:]
}

// other is a program that knows lists and no claims.
func (m *model) other(rt *rapid.T) {
	values, entries := m.fresh(rt)
	switch n := rapid.IntRange(0, 5).Draw(rt, "n"); rapid.IntRange(0, 2).Draw(rt, "command") {
	case 0:
		m.do("LTRIM", m.key, strconv.Itoa(n), "-1")
		m.list = m.list[min(n, len(m.list)):]
	case 1:
		m.do("LTRIM", m.key, "0", strconv.Itoa(-n-1))
		m.list = m.list[:max(len(m.list)-n, 0)]
	default:
		for i, v := range values {
			m.do("RPUSH", m.key, strconv.Itoa(v))
			m.list = append(m.list, entries[i])
		}
	}
}

func (m *model) do(args ...string) {
	require.NoError(m.t, pooltest.Do(m.t, m.pools, pool.Handlers, args...).Error())
}

func (m *model) claim(rt *rapid.T) {
	n := rapid.IntRange(1, 20).Draw(rt, "n")
	c, err := m.repo.Claim(ctx, "q", n, time.Hour)
	require.NoError(rt, err)
	m.claimed(rt, n, c)
}

// next acks what is left of a claim before anything is taken.
func (m *model) next(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	last := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	n := rapid.IntRange(1, 20).Draw(rt, "n")
	c, err := last.Next(ctx, n, time.Hour)
	m.settled(rt, last, last.entries, err)
	m.claimed(rt, n, c)
}

// claimed asserts that a claim of n has what it should.
func (m *model) claimed(rt *rapid.T, n int, c *listrepo.Claim[int]) {
	for _, c := range m.claims {
		if c.over && !c.lost {
			c.lost = true
			m.lapsed = append(m.lapsed, c.entries...)
		}
	}
	slices.SortFunc(m.lapsed, func(a, b *entry) int { return cmp.Compare(a.birth, b.birth) })
	want := m.takes(n)
	require.Equal(rt, of(want), values(c.Items))
	for i, e := range want {
		e.attempt++
		require.Equal(rt, e.attempt, c.Items[i].Attempt)
		if e.id == "" {
			m.births++
			e.id, e.birth = c.Items[i].ID, m.births
		}
		require.Equal(rt, e.id, c.Items[i].ID)
		require.Regexp(rt, "^[0-9]{16}-", e.id, "births in order are so as text")
	}
	if len(want) > 0 {
		m.claims = append(m.claims, &claimed{Claim: c, entries: want})
	}
}

// takes says what a claim of n takes: lapsed items, then those in front; one on
// its last attempt alone.
func (m *model) takes(n int) (taken []*entry) {
	admits := func(e *entry) bool {
		last := func(e *entry) bool { return m.most > 0 && e.tried()+1 >= m.most }
		return len(taken) < n && (len(taken) == 0 || !last(e) && !last(taken[0]))
	}
	for len(m.lapsed) > 0 {
		e := m.lapsed[0]
		switch {
		case m.most > 0 && e.tried() >= m.most:
			m.dead = append(m.dead, e)
		case admits(e):
			taken = append(taken, e)
		default:
			return taken
		}
		m.lapsed = m.lapsed[1:]
	}
	for len(m.list) > 0 && admits(m.list[0]) {
		taken, m.list = append(taken, m.list[0]), m.list[1:]
	}
	return taken
}

// some draws a claim and some of its items; all of them, and none named, half
// the time.
func (m *model) some(rt *rapid.T) (*claimed, []*entry, []listrepo.Item[int]) {
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

// settled reports whether a call on a claim had to succeed, and did.
func (m *model) settled(rt *rapid.T, c *claimed, entries []*entry, err error) bool {
	if c.lost && len(c.entries) > 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
		return false
	}
	require.NoError(rt, err)
	c.entries = slices.DeleteFunc(slices.Clone(c.entries), func(e *entry) bool { return slices.Contains(entries, e) })
	return true
}

func (m *model) ack(rt *rapid.T) {
	c, entries, items := m.some(rt)
	m.settled(rt, c, entries, c.Ack(ctx, items...))
}

func (m *model) release(rt *rapid.T) {
	c, entries, items := m.some(rt)
	if !m.settled(rt, c, entries, c.Release(ctx, items...)) {
		return
	}
	var back []*entry
	for _, e := range entries {
		if m.most > 0 && e.tried() >= m.most {
			m.dead = append(m.dead, e)
		} else {
			back = append(back, e)
		}
	}
	m.list = slices.Concat(back, m.list)
}

func (m *model) giveBack(rt *rapid.T) {
	c, entries, items := m.some(rt)
	if !m.settled(rt, c, entries, c.Return(ctx, items...)) {
		return
	}
	for _, e := range entries {
		e.returned++
	}
	m.list = slices.Concat(entries, m.list)
}

func (m *model) extend(rt *rapid.T) {
	c, _, _ := m.some(rt)
	if err := c.Extend(ctx, time.Hour); c.lost || len(c.entries) == 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
	} else {
		require.NoError(rt, err)
		c.over = false
	}
}

func (m *model) lapse(rt *rapid.T) {
	c, _, _ := m.some(rt)
	if c.lost || len(c.entries) == 0 {
		return
	}
	require.NoError(rt, c.Extend(ctx, time.Millisecond))
	c.over = true
	waiting, _ := m.counts()
	require.Eventually(rt, func() bool {
		b, err := m.repo.Backlog(ctx, "q")
		return err == nil && b.Waiting == waiting
	}, 10*time.Second, time.Millisecond)
}

func (m *model) retry(rt *rapid.T) {
	if len(m.dead) == 0 {
		rt.Skip("none is dead")
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
	waiting = int64(len(m.list) + len(m.lapsed))
	for _, c := range m.claims {
		switch {
		case c.lost:
		case c.over:
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
	require.Equal(rt, of(m.list), append([]int{}, got...))
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

func of(entries []*entry) []int {
	out := make([]int, len(entries))
	for i, e := range entries {
		out[i] = e.value
	}
	return out
}
