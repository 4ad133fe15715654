package pending_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

func TestMain(m *testing.M) { pooltest.Main(m) }

// service is a pending set with its queues.
type service struct {
	*pending.Set
	t   *testing.T
	p   *pool.Pools
	key string // of the pending set, without the pool's prefix
}

func newService(t *testing.T, p *pool.Pools) service {
	t.Helper()
	space, err := p.Layout().PendingSet.Bind()
	require.NoError(t, err)
	s, err := store.New(p, pool.Handlers, space, store.Spec{Kind: store.Set, Traits: option.Queues})
	require.NoError(t, err)
	name := pooltest.UniqueTenant()
	key, err := p.Layout().PendingSet.Key(name)
	require.NoError(t, err)
	return service{pending.New(s, name, p.Layout().BatchList), t, p, key}
}

// queue returns the repository of the queue of a tenant with that name.
func (s service) queue(tenant, name string, opts ...listrepo.Option) *listrepo.ListRepo[int] {
	s.t.Helper()
	space, err := s.p.Layout().BatchList.Bind(tenant, s.Service, "e")
	require.NoError(s.t, err)
	repo, err := listrepo.New[int](s.p, pool.Handlers, space, opts...)
	require.NoError(s.t, err)
	member, err := pending.Queue{Tenant: tenant, Entity: "e", Action: name}.Member()
	require.NoError(s.t, err)
	return repo.Marked(listrepo.Marks{Set: s.key, Member: tenant, Queue: member})
}

func (s service) push(tenant, name string, items ...int) {
	s.t.Helper()
	_, err := s.queue(tenant, name).Push(ctx, name, items...)
	require.NoError(s.t, err)
}

func (s service) do(args ...string) int64 {
	s.t.Helper()
	n, err := pooltest.Do(s.t, s.p, pool.Handlers, args...).AsInt64()
	require.NoError(s.t, err)
	return n
}

// prefixed returns a key with the pool's prefix.
func (s service) prefixed(key string) string { return s.p.Prefix(pool.Handlers) + key }

// list returns the key of a queue.
func (s service) list(tenant, name string) string {
	s.t.Helper()
	key, err := s.p.Layout().BatchList.Key(tenant, s.Service, "e", name)
	require.NoError(s.t, err)
	return key
}

// take returns the queues that Take hands out, as "<tenant> <name>".
func (s service) take(n int) (names []string, look pending.Look) {
	s.t.Helper()
	look, err := s.Take(ctx, "Take", n, pending.Sweeper{})
	require.NoError(s.t, err)
	for _, q := range look.Queues {
		names = append(names, q.Tenant+" "+q.Action)
	}
	return names, look
}

// hasQueue reports whether a queue is in the schedule.
func (s service) hasQueue(tenant, name string) bool {
	s.t.Helper()
	queues, err := s.Queues(ctx, "Queues", tenant)
	require.NoError(s.t, err)
	return slices.Contains(queues, pending.Queue{Tenant: tenant, Entity: "e", Action: name})
}

// makeReady lets the time pass for which a tenant's queue is not ready.
func (s service) makeReady(tenant, name string) {
	s.t.Helper()
	member, err := pending.Queue{Tenant: tenant, Entity: "e", Action: name}.Member()
	require.NoError(s.t, err)
	set := s.prefixed(s.key)
	for key, member := range map[string]string{pending.QueuesKey(set, tenant): member, pending.TenantsKey(set): pending.EscapeTenant(tenant)} {
		n, err := pooltest.Do(s.t, s.p, pool.Handlers, "ZADD", key, "XX", "CH", "1", member).AsInt64()
		require.NoError(s.t, err)
		require.EqualValues(s.t, 1, n)
	}
}

// Tenants take turns, and so do the queues of a tenant, no matter how many a
// tenant has and which process takes them.
func TestTenantsTakeTurns(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		for i := range 30 {
			s.push("big", fmt.Sprint("q", i), make([]int, 10)...)
		}
		s.push("small:1", "q", make([]int, 10)...)
		s.push("small:2", "q", make([]int, 10)...)
		counts, queues := map[string]int{}, map[string]int{}
		for range 10 {
			for _, n := range []int{1, 2} { // two processes
				names, _ := s.take(n)
				require.Len(t, names, n)
				for _, name := range names {
					tenant, queue, _ := strings.Cut(name, " ")
					counts[tenant]++
					queues[name]++
					_, err := s.queue(tenant, queue).Claim(ctx, queue, 1, time.Minute)
					require.NoError(t, err)
				}
			}
		}
		require.Equal(t, map[string]int{"big": 10, "small:1": 10, "small:2": 10}, counts)
		for name, n := range queues {
			if strings.HasPrefix(name, "big") {
				require.Equal(t, 1, n, name)
			}
		}
	})
}

// One call hands out all ready queues, the next one of each tenant in turn.
func TestTakeGoesRound(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		for _, name := range []string{"1", "2", "3"} {
			s.push("a", name, 1)
		}
		s.push("b", "1", 1)
		s.push("c", "1", 1)
		names, look := s.take(10)
		require.Equal(t, []string{"a 1", "b 1", "c 1", "a 2", "a 3"}, names)
		require.Positive(t, look.Wait, "all queues are held")
		require.LessOrEqual(t, look.Wait, 2*time.Second)
		names, _ = s.take(10)
		require.Empty(t, names)
	})
}

// A queue that was handed out is held. It comes back if nobody claims from it,
// and a claim decides when it is ready again.
func TestHeldQueueComesBack(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		s.push("a", "q", 1, 2)
		names, look := s.take(10)
		require.Equal(t, []string{"a q"}, names)
		require.InDelta(t, 2*time.Second, look.Wait, float64(time.Second))
		require.Eventually(t, func() bool {
			names, _ := s.take(10)
			return len(names) == 1
		}, 20*time.Second, 10*time.Millisecond)

		c, err := s.queue("a", "q").Claim(ctx, "q", 1, time.Hour)
		require.NoError(t, err)
		names, _ = s.take(10)
		require.Equal(t, []string{"a q"}, names, "an item waits")
		rest, err := s.queue("a", "q").Claim(ctx, "q", 1, time.Minute)
		require.NoError(t, err)
		names, _ = s.take(10)
		require.Empty(t, names, "all items are claimed")
		s.do("ZADD", pending.TenantsKey(s.prefixed(s.key)), "1", "a") // its turn may be too early
		_, look = s.take(10)
		require.InDelta(t, time.Minute, look.Wait, float64(10*time.Second), "the next lease ends in a minute")
		require.NoError(t, rest.Ack(ctx))
		require.NoError(t, c.Ack(ctx))
		require.False(t, s.hasQueue("a", "q"))
		_, look = s.take(10)
		require.Negative(t, look.Wait)
	})
}

// A deferred queue is handed out after the pause, and a push to it does not
// change that. Other programs may have taken it out of the schedule.
func TestDefer(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		q := pending.Queue{Tenant: "a:b", Entity: "e", Action: "q"}
		s.push("a:b", "q", 1)
		require.NoError(t, s.Defer(ctx, "Defer", q, time.Hour))
		s.push("a:b", "q", 2)
		_, err := s.queue("a:b", "q", listrepo.MaxLen(100)).Push(ctx, "q", 3) // it repairs the schedule
		require.NoError(t, err)
		names, look := s.take(1)
		require.Empty(t, names)
		require.InDelta(t, time.Hour, look.Wait, float64(time.Minute))
		require.NoError(t, s.Defer(ctx, "Defer", q, time.Minute))
		queues, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", pending.QueuesKey(s.prefixed(s.key), "a:b"), "0", "-1", "WITHSCORES").AsZScores()
		require.NoError(t, err)
		require.Len(t, queues, 1)
		require.InDelta(t, float64(time.Now().Add(time.Hour).UnixMilli()), queues[0].Score, 60_000, "a shorter pause changes nothing")

		s.do("DEL", pending.TenantsKey(s.prefixed(s.key)), pending.QueuesKey(s.prefixed(s.key), "a:b"))
		require.NoError(t, s.Defer(ctx, "Defer", q, time.Minute))
		require.False(t, s.hasQueue("a:b", "q"))
		require.Eventually(t, func() bool {
			s.push("a:b", "q", 4)
			names, _ := s.take(1)
			return len(names) == 1
		}, 20*time.Second, 10*time.Millisecond, "a push repairs the schedule within a second")
	})
}

// A look sends one command, and the server works on as many keys, however many
// queues wait or are in flight.
func TestLookDoesNotGrow(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	s := newService(t, p)
	set := s.prefixed(s.key)
	fill := func(prefix string, n int, score string) {
		const script = `for i = 1, ARGV[1] do
			local tenant = ARGV[2] .. math.floor(i / 10)
			redis.call('ZADD', '%queues' .. string.sub(KEYS[1], 9) .. ':' .. tenant, ARGV[3], tenant .. ':e:' .. i)
			redis.call('ZADD', KEYS[1], ARGV[3], tenant)
			redis.call('SADD', KEYS[2], tenant)
		end return 1`
		s.do("EVAL", script, "2", pending.TenantsKey(set), set, strconv.Itoa(n), prefix, score)
	}
	calls := func() (sum int64) {
		for name, n := range pooltest.CommandCalls(t, p, pool.Handlers) {
			if name == "evalsha" || strings.HasPrefix(name, "z") {
				sum += n
			}
		}
		return sum
	}
	look := func(n int) int64 {
		before := calls()
		names, _ := s.take(n)
		require.Len(t, names, n)
		return calls() - before
	}
	future := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	fill("ready", 100, "1")
	fill("flight", 100, future)
	s.take(4) // loads the script
	few := look(4)
	fill("more", 20_000, "2")
	fill("later", 20_000, future)
	require.Equal(t, few, look(4))
}

// Keys and members that other programs wrote are reported, and do not stop a
// look. Members that name no queue are removed.
func TestForeignDataInTheSchedule(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		set := s.prefixed(s.key)
		s.push("a", "q", 1)
		s.push("broken", "q", 1)
		s.do("ZADD", pending.TenantsKey(set), "0", "no queues", "1", "", "-inf", "x")
		s.do("ZADD", pending.QueuesKey(set, "a"), "1", "", "2", "b:e:q", "3", "a:", "4", "a:e:")
		s.do("DEL", pending.QueuesKey(set, "broken"))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", pending.QueuesKey(set, "broken"), "x").Error())
		names, look := s.take(10)
		require.Equal(t, []string{"a q"}, names)
		require.ErrorContains(t, look.Foreign, strconv.Quote(pending.QueuesKey(set, "broken")))
		require.ErrorContains(t, look.Foreign, "do not name a queue")
		s.makeReady("a", "q")
		names, look = s.take(10)
		require.Equal(t, []string{"a q"}, names)
		require.NoError(t, look.Foreign)
		require.EqualValues(t, 1, s.do("ZCARD", pending.QueuesKey(set, "a")))
		s.do("ZADD", pending.QueuesKey(set, "a"), "2", "b:e:q")
		s.makeReady("a", "q")
		_, look = s.take(10)
		require.ErrorContains(t, look.Foreign, "do not name a queue", "the member names a queue of another tenant")

		s.do("DEL", pending.TenantsKey(set))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", pending.TenantsKey(set), "x").Error())
		_, err := s.Take(ctx, "Take", 1, pending.Sweeper{})
		require.ErrorIs(t, err, pool.ErrWrongType)
		require.ErrorContains(t, err, strconv.Quote(pending.TenantsKey(set)))
	})
}

// A check puts a time right that is too late, because another program pushed
// while the items were in flight, or because the clock was set back. A pause
// goes on.
func TestCheckMendsTimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		q := pending.Queue{Tenant: "a", Entity: "e", Action: "q"}
		check := func() (names []string, wait time.Duration) {
			_, err := s.Check(ctx, "Check", q)
			require.NoError(t, err)
			names, look := s.take(1)
			return names, look.Wait
		}
		s.push("a", "q", 1)
		_, err := s.queue("a", "q").Claim(ctx, "q", 1, time.Hour)
		require.NoError(t, err)
		_, wait := check()
		require.InDelta(t, time.Hour, wait, float64(time.Minute))
		s.do("RPUSH", s.list("a", "q"), "2")
		names, _ := check()
		require.Equal(t, []string{"a q"}, names)

		require.NoError(t, s.Defer(ctx, "Defer", q, 2*time.Hour))
		names, _ = check()
		require.Empty(t, names)
		ahead := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
		s.do("ZADD", pending.QueuesKey(s.prefixed(s.key), "a"), ahead, "a:e:q")
		s.do("ZADD", pending.TenantsKey(s.prefixed(s.key)), ahead, "a")
		names, _ = check()
		require.Equal(t, []string{"a q"}, names)
	})
}

// A queue that other programs emptied or filled is in the schedule after a
// check if and only if it has items.
func TestCheck(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		queues := []pending.Queue{{Tenant: "a", Entity: "e", Action: "full"}, {Tenant: "a", Entity: "e", Action: "emptied"}, {Tenant: "py", Entity: "e", Action: "filled"}}
		s.push("a", "full", 1)
		s.push("a", "emptied", 1)
		s.do("DEL", s.list("a", "emptied"))
		s.do("RPUSH", s.list("py", "filled"), "1")
		hasItems, err := s.Check(ctx, "Check", queues...)
		require.NoError(t, err)
		require.Equal(t, []bool{true, false, true}, hasItems)
		require.Equal(t, []bool{true, false, true}, []bool{s.hasQueue("a", "full"), s.hasQueue("a", "emptied"), s.hasQueue("py", "filled")})

		require.NoError(t, s.Withdraw(ctx, "Withdraw", queues...))
		require.False(t, s.hasQueue("a", "full"))
		s.push("b", "q", 1, 2)
		_, err = s.queue("b", "q").Claim(ctx, "q", 1, time.Minute)
		require.NoError(t, err)
		require.NoError(t, s.Withdraw(ctx, "Withdraw", pending.Queue{Tenant: "b", Entity: "e", Action: "q"}))
		require.True(t, s.hasQueue("b", "q"), "only the schedule knows of claimed items")
	})
}

func TestIsScheduled(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		queues := []pending.Queue{
			{Tenant: "a:1", Entity: "e", Action: "q"}, {Tenant: "b", Entity: "e", Action: "none"}, {Tenant: "c", Entity: "e", Action: "q"}, {Tenant: "b", Entity: "e", Action: "q"},
		}
		for _, tenant := range []string{"a:1", "b", "c"} {
			s.push(tenant, "q", 1)
		}
		is := func() []bool {
			all, err := s.IsScheduled(ctx, "IsScheduled", time.Minute, queues...)
			require.NoError(t, err)
			return all
		}
		require.Equal(t, []bool{true, false, true, true}, is())
		later := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
		for key, member := range map[string]string{pending.QueuesKey(s.prefixed(s.key), "a:1"): "a%3A1:e:q", pending.TenantsKey(s.prefixed(s.key)): "c"} {
			s.do("ZADD", key, "XX", later, member)
			require.NotEqual(t, []bool{true, false, true, true}, is(), member)
			s.do("ZADD", key, "XX", "1", member)
		}
		key := pending.QueuesKey(s.prefixed(s.key), "c")
		s.do("DEL", key)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key, "x").Error())
		require.Equal(t, []bool{true, false, false, true}, is(), "no worker finds what is in a foreign key")

		queues = nil // several commands for a tenant, and several round trips
		for i := range 101 {
			queues = append(queues, pending.Queue{Tenant: "x" + strconv.Itoa(i), Entity: "e", Action: "q"})
		}
		for i := range 1500 {
			queues = append(queues, pending.Queue{Tenant: "b", Entity: "e", Action: strconv.Itoa(i)})
		}
		queues = append(queues, pending.Queue{Tenant: "b", Entity: "e", Action: "q"})
		want := make([]bool, len(queues))
		want[len(want)-1] = true
		require.Equal(t, want, is())
	})
}

// drained returns the tenants whose removal has begun, according to a look that
// begins the removal of tenants without queues for that long.
func (s service) drained(age time.Duration) []string {
	s.t.Helper()
	look, err := s.Take(ctx, "Take", 0, pending.Sweeper{Name: "one", DrainedFor: age})
	require.NoError(s.t, err)
	return look.Drained
}

// empty makes a tenant one whose last queue has left the schedule.
func (s service) empty(tenant string) {
	s.t.Helper()
	s.push(tenant, "q", 1)
	_, err := s.queue(tenant, "q").Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error { return nil })
	require.NoError(s.t, err)
}

// The removal of a tenant begins once its last queue has left the schedule for
// a while. The tenant is still pending until the removal ends.
func TestRemoval(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		tenants := func() []string {
			all, err := s.Tenants(ctx, "Tenants")
			require.NoError(t, err)
			return all
		}
		for _, tenant := range []string{"found", "one:1", "pushed", "two"} {
			s.empty(tenant)
		}
		all := []string{"found", "one:1", "pushed", "two"}
		require.Empty(t, s.drained(time.Hour))
		require.EqualValues(t, 4, s.do("SCARD", s.key))
		require.Eventually(t, func() bool { return len(s.drained(time.Millisecond)) == 4 }, 20*time.Second, time.Millisecond)
		require.EqualValues(t, 0, s.do("EXISTS", s.key))
		require.Equal(t, all, tenants())
		require.Equal(t, all, s.drained(time.Hour), "the process that began the removal may be dead")
		look, err := s.Take(ctx, "Take", 0, pending.Sweeper{Name: "one"})
		require.NoError(t, err)
		require.Empty(t, look.Drained, "the process is not ready for a sweep")

		s.push("pushed", "q", 1)
		// Only the schedule learns of this item.
		s.do("RPUSH", s.list("one:1", "q"), "1")
		_, err = s.Check(ctx, "Check", pending.Queue{Tenant: "one:1", Entity: "e", Action: "q"})
		require.NoError(t, err)
		restored, err := s.EndRemoval(ctx, "End", pending.Removal{Tenant: "one:1"}, pending.Removal{Tenant: "two"},
			pending.Removal{Tenant: "found", HasItems: true}, pending.Removal{Tenant: "pushed"})
		require.NoError(t, err)
		require.Equal(t, []bool{true, false, true, true}, restored)
		require.Equal(t, []string{"found", "one:1", "pushed"}, tenants())
		require.EqualValues(t, 3, s.do("SCARD", s.key))
		require.Empty(t, s.drained(time.Millisecond))
	})
}

// A look restores a tenant whose removal was interrupted if the tenant has a
// queue again, even if only the schedule has learnt of it.
func TestInterruptedRemovalIsUndone(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		s.empty("a:1")
		require.NoError(t, s.BeginRemoval(ctx, "Begin", "a:1"))
		s.do("RPUSH", s.list("a:1", "q"), "1")
		_, err := s.Check(ctx, "Check", pending.Queue{Tenant: "a:1", Entity: "e", Action: "q"})
		require.NoError(t, err)
		require.Empty(t, s.drained(time.Hour))
		require.EqualValues(t, 1, s.do("SISMEMBER", s.key, "a:1"))
		require.Zero(t, s.do("EXISTS", keyspace.Beside("drained", s.prefixed(s.key))))
	})
}

// A tenant that another program adds to the pending set during its removal
// stays in the set, no matter which process ends the removal, and when.
func TestRemovalKeepsWhatOthersAdd(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		end := func() {
			restored, err := s.EndRemoval(ctx, "End", pending.Removal{Tenant: "a"})
			require.NoError(t, err)
			require.Equal(t, []bool{false}, restored)
			require.EqualValues(t, 1, s.do("SISMEMBER", s.key, "a"))
		}
		s.empty("a")
		require.NoError(t, s.BeginRemoval(ctx, "Begin", "a"))
		s.do("SADD", s.key, "a")
		require.Equal(t, []string{"a"}, s.drained(time.Millisecond))
		end()

		s.empty("a")
		require.NoError(t, s.BeginRemoval(ctx, "Begin", "a"))
		s.empty("a") // it is drained anew
		end()
		require.EqualValues(t, 1, s.do("EXISTS", keyspace.Beside("drained", s.prefixed(s.key))))
		require.Eventually(t, func() bool { return len(s.drained(time.Millisecond)) == 1 }, 20*time.Second, time.Millisecond)
	})
}

// A look counts the pending tenants that were never in the schedule. Those that
// left it a moment ago are not among them, and not those that came back.
func TestUnscheduledTenants(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		unscheduled := func(age time.Duration) int64 {
			look, err := s.Take(ctx, "Take", 0, pending.Sweeper{Name: "one", DrainedFor: age})
			require.NoError(t, err)
			return look.Unscheduled
		}
		s.push("busy", "q", 1)
		for _, tenant := range []string{"a:1", "back", "forced"} {
			s.empty(tenant)
		}
		s.push("back", "q", 1)
		s.do("SREM", s.key, "forced")
		require.Zero(t, unscheduled(time.Hour))
		s.do("SADD", s.key, "python")
		require.EqualValues(t, 1, unscheduled(time.Hour))
		require.Eventually(t, func() bool {
			n := unscheduled(time.Millisecond)
			require.EqualValues(t, 1, n)
			return s.do("ZCARD", keyspace.Beside("drained", s.prefixed(s.key))) == 1
		}, 20*time.Second, time.Millisecond)
		require.Equal(t, []string{"a:1"}, s.drained(time.Hour))
	})
}

// One process has the lease of the sweep. If it dies, another one gets it.
func TestLeaseOfTheSweep(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		sweeps := func(process string) bool {
			look, err := s.Take(ctx, "Take", 1, pending.Sweeper{Name: process})
			require.NoError(t, err)
			return look.Sweep
		}
		require.False(t, sweeps("one"), "there is nothing to sweep")
		s.push("a", "q", 1)
		require.False(t, sweeps(""))
		require.True(t, sweeps("one"))
		require.False(t, sweeps("two"))
		require.True(t, sweeps("one"))
		lease := keyspace.Beside("sweep", s.prefixed(s.key))
		require.EqualValues(t, 1, s.do("PEXPIRE", lease, "20")) // one is dead
		require.Eventually(t, func() bool { return sweeps("two") }, 20*time.Second, 5*time.Millisecond)
		require.False(t, sweeps("one"))

		s.do("PERSIST", lease) // no lease of ours
		sweeps("one")
		require.Positive(t, s.do("PTTL", lease))
	})
}
