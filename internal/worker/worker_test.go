package worker_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/worker"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

func TestMain(m *testing.M) { pooltest.Main(m) }

// fleet is a service with one process.
type fleet struct {
	p       *pool.Pools
	service string
	set     *pending.Set
}

func newFleet(t *testing.T, p *pool.Pools) *fleet {
	t.Helper()
	f := &fleet{p: p, service: pooltest.UniqueTenant()}
	space, err := p.Layout().PendingSet.Bind()
	require.NoError(t, err)
	s, err := store.New(p, pool.Handlers, space, store.Spec{Kind: store.Set, Traits: option.Queues})
	require.NoError(t, err)
	f.set = pending.New(s, f.service, p.Layout().BatchList)
	return f
}

// queue returns the repository of a queue.
func (f *fleet) queue(t *testing.T, q pending.Queue) *listrepo.ListRepo[int] {
	t.Helper()
	space, err := f.p.Layout().BatchList.Bind(q.Tenant, f.service, q.Entity)
	require.NoError(t, err)
	repo, err := listrepo.New[int](f.p, pool.Handlers, space)
	require.NoError(t, err)
	set, err := f.p.Layout().PendingSet.Key(f.service)
	require.NoError(t, err)
	member, err := q.Member()
	require.NoError(t, err)
	return repo.Marked(listrepo.Marks{Set: set, Member: q.Tenant, Queue: member})
}

func (f *fleet) push(t *testing.T, q pending.Queue, items ...int) {
	t.Helper()
	_, err := f.queue(t, q).Push(t.Context(), q.Action, items...)
	require.NoError(t, err)
}

// run runs workers until the test ends. done gets each item that was handled.
func (f *fleet) run(t *testing.T, longestWait time.Duration) (done <-chan int) {
	t.Helper()
	return f.runWith(t, longestWait, pending.Places{})
}

// runWith is run with a bound of places.
func (f *fleet) runWith(t *testing.T, longestWait time.Duration, places pending.Places) (done <-chan int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	items := make(chan int, 1000)
	var ended sync.WaitGroup
	ended.Go(func() {
		err := worker.Run(ctx, f.set, worker.Config{
			Op: "Test", Workers: 2, StopTimeout: time.Second, LongestWait: longestWait, Places: places,
			Backoff: func(int, error) time.Duration { return time.Millisecond },
			Report:  func(_ pending.Queue, err error) { t.Error(err) },
			Handle: func(ctx context.Context, q pending.Queue) worker.Result {
				n, err := f.queue(t, q).Process(ctx, q.Action, 10, func(_ context.Context, claimed []listrepo.Item[int]) error {
					for _, item := range claimed {
						items <- item.Value
					}
					return nil
				})
				outcome := worker.Empty
				if n > 0 {
					outcome = worker.Handled
				}
				return worker.Result{Outcome: outcome, Err: err}
			},
		})
		require.NoError(t, err)
	})
	t.Cleanup(func() {
		stop()
		ended.Wait()
	})
	return items
}

// A place that is freed wakes a worker of another process, which looks once an
// hour by itself.
func TestFreePlaceWakesWorkers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f, places := newFleet(t, p), pending.Places{PerTenant: 1, Lease: time.Minute}
		f.push(t, pending.Queue{Tenant: "a", Entity: "e", Action: "1"}, 1)
		f.push(t, pending.Queue{Tenant: "a", Entity: "e", Action: "2"}, 2)
		look, err := f.set.TakeWithPlaces(t.Context(), "Test", 1, pending.Sweeper{}, places) // another process
		require.NoError(t, err)
		require.Len(t, look.Places, 1)
		done := f.runWith(t, time.Hour, places)
		f.push(t, pending.Queue{Tenant: "b", Entity: "e", Action: "1"}, 3)
		require.Equal(t, 3, receive(t, done)) // so the workers run
		require.NoError(t, f.set.Free(t.Context(), "Test", "a", look.Places[0]))
		require.Equal(t, 2, receive(t, done))
		require.Equal(t, 1, receive(t, done)) // the other process did not claim it
	})
}

// receive returns the next item that was handled.
func receive(t *testing.T, done <-chan int) int {
	t.Helper()
	select {
	case value := <-done:
		return value
	case <-time.After(20 * time.Second):
		t.Fatal("the workers were not woken")
		return 0
	}
}

// Idle workers are woken by a push. They look once an hour by themselves.
func TestPushWakesWorkers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFleet(t, p)
		done := f.run(t, time.Hour)
		for i := range 20 {
			f.push(t, pending.Queue{Tenant: fmt.Sprint("tenant:", i%3), Entity: "e", Action: "a"}, i)
			select {
			case value := <-done:
				require.Equal(t, i, value)
			case <-time.After(20 * time.Second):
				t.Fatal("the workers were not woken")
			}
		}
	})
}

// do sends a command to the pool of the queues.
func (f *fleet) do(t *testing.T, args ...string) int64 {
	t.Helper()
	n, err := pooltest.Do(t, f.p, pool.Handlers, args...).AsInt64()
	require.NoError(t, err)
	return n
}

// requireEventually waits until done returns true.
func requireEventually(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 40*time.Second, 5*time.Millisecond)
}

// pendingTenants returns the tenants of the pending set, with those whose
// removal has begun.
func (f *fleet) pendingTenants(t *testing.T) []string {
	t.Helper()
	tenants, err := f.set.Tenants(t.Context(), "Tenants")
	require.NoError(t, err)
	return tenants
}

// Idle workers look once a second, and send nothing else.
func TestIdleWorkersLookOnceASecond(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	f := newFleet(t, p)
	done := f.run(t, time.Second)
	f.push(t, pending.Queue{Tenant: "a", Entity: "e", Action: "a"}, 1)
	require.Equal(t, 1, <-done)
	requireEventually(t, func() bool { return len(f.pendingTenants(t)) == 0 })

	// A tenant whose queue waits is pending all the time.
	set, err := p.Layout().PendingSet.Key(f.service)
	require.NoError(t, err)
	tenants := keyspace.Beside("tenants", p.Prefix(pool.Handlers)+set)
	later := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	f.do(t, "ZADD", strings.Replace(tenants, "%tenants", "%queues", 1)+":w", later, "w:e:a")
	f.do(t, "ZADD", tenants, later, "w")
	f.do(t, "SADD", set, "w")
	calls := func() (scripts, others int64) {
		all := pooltest.CommandCalls(t, p, pool.Handlers)
		for _, name := range []string{"scan", "sscan", "smembers", "zmscore", "multi", "exec", "subscribe"} {
			others += all[name]
		}
		return all["evalsha"], others
	}
	first, others := calls()
	requireEventually(t, func() bool { n, _ := calls(); return n > first })
	begin := time.Now() // right after a look
	const looks = 3
	requireEventually(t, func() bool { n, _ := calls(); return n >= first+1+looks })
	require.GreaterOrEqual(t, time.Since(begin), looks*time.Second-100*time.Millisecond)
	_, othersNow := calls()
	require.Equal(t, others, othersNow)
}

// Tenants without items are removed from the pending set, and queues that only
// another program fills are handled before, by several processes of which one
// is dead.
func TestTenantsAreRemoved(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFleet(t, p)
		set, err := p.Layout().PendingSet.Key(f.service)
		require.NoError(t, err)
		lease := keyspace.Beside("sweep", p.Prefix(pool.Handlers)+set)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", lease, "a dead process", "PX", "200").Error())
		python, err := p.Layout().BatchList.Key("py:1", f.service, "e", "a")
		require.NoError(t, err)
		f.do(t, "RPUSH", python, "100")
		f.do(t, "SADD", set, "py:1", "nothing")
		f.push(t, pending.Queue{Tenant: "a:1", Entity: "e", Action: "a"}, 1)
		f.push(t, pending.Queue{Tenant: "b", Entity: "e", Action: "a"}, 2)
		f.do(t, "ZADD", keyspace.Beside("drained", p.Prefix(pool.Handlers)+set), "0", "half%3Aremoved")
		one, two := f.run(t, time.Second), f.run(t, time.Second)
		seen := map[int]bool{}
		for range 3 {
			select {
			case value := <-one:
				seen[value] = true
			case value := <-two:
				seen[value] = true
			}
		}
		require.Equal(t, map[int]bool{1: true, 2: true, 100: true}, seen)
		requireEventually(t, func() bool { return len(f.pendingTenants(t)) == 0 })

		// Other programs empty and fill queues, and take tenants out of the
		// set.
		f.push(t, pending.Queue{Tenant: "a:1", Entity: "e", Action: "a"}, 3)
		f.do(t, "SREM", set, "a:1")
		f.do(t, "RPUSH", python, "101")
		f.do(t, "SADD", set, "py:1")
		seen = map[int]bool{}
		for range 2 {
			select {
			case value := <-one:
				seen[value] = true
			case value := <-two:
				seen[value] = true
			}
		}
		require.Equal(t, map[int]bool{3: true, 101: true}, seen)
		requireEventually(t, func() bool { return len(f.pendingTenants(t)) == 0 })
	})
}

// What another program pushes while the removal of its tenant is under way is
// handled, and the tenant is removed after that.
func TestPushDuringRemoval(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFleet(t, p)
		set, err := p.Layout().PendingSet.Key(f.service)
		require.NoError(t, err)
		const tenants = 300
		done := f.run(t, time.Second)
		for i := range tenants {
			f.push(t, pending.Queue{Tenant: strconv.Itoa(i), Entity: "e", Action: "a"}, i)
		}
		for range tenants {
			<-done
		}
		var pushes sync.WaitGroup
		for begin := range 10 {
			pushes.Go(func() {
				for i := begin; i < tenants; i += 10 {
					key, err := p.Layout().BatchList.Key(strconv.Itoa(i), f.service, "e", "python")
					require.NoError(t, err)
					for ; f.do(t, "SISMEMBER", set, strconv.Itoa(i)) == 1; time.Sleep(time.Duration(i%10) * 100 * time.Microsecond) {
					}
					f.do(t, "RPUSH", key, strconv.Itoa(tenants+i))
					f.do(t, "SADD", set, strconv.Itoa(i))
				}
			})
		}
		seen := map[int]bool{}
		for range tenants {
			select {
			case value := <-done:
				seen[value] = true
			case <-time.After(40 * time.Second):
				t.Fatalf("%d of %d items were handled", len(seen), tenants)
			}
		}
		pushes.Wait()
		require.Len(t, seen, tenants)
		requireEventually(t, func() bool { return len(f.pendingTenants(t)) == 0 })
	})
}

// Workers find items that other programs pushed while the schedule waits for
// the end of a long lease, and items of a schedule whose times are those of a
// clock that was ahead.
func TestSweepFindsLateQueues(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFleet(t, p)
		claimed, ahead := pending.Queue{Tenant: "a", Entity: "e", Action: "claimed"}, pending.Queue{Tenant: "b", Entity: "e", Action: "ahead"}
		f.push(t, claimed, 1)
		_, err := f.queue(t, claimed).Claim(t.Context(), "claimed", 1, time.Hour)
		require.NoError(t, err)
		key, err := p.Layout().BatchList.Key("a", f.service, "e", "claimed")
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key, "2").Error())

		f.push(t, ahead, 3)
		set, err := p.Layout().PendingSet.Key(f.service)
		require.NoError(t, err)
		set = p.Prefix(pool.Handlers) + set
		later := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
		for key, member := range map[string]string{pending.QueuesKey(set, "b"): "b:e:ahead", pending.TenantsKey(set): "b"} {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", key, later, member).Error())
		}

		done := f.run(t, time.Second)
		got := map[int]bool{<-done: true, <-done: true}
		require.Equal(t, map[int]bool{2: true, 3: true}, got)
	})
}
