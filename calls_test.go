package symphony_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// call is a method on a record of its own.
type call struct {
	name  string
	write bool
	again bool // it is sent again when its connection breaks
	do    func(ctx context.Context) error
}

func two[A any](_ A, err error) error { return err }

func three[A, B any](_ A, _ B, err error) error { return err }

// callsOf are the methods of the repositories that send something, on records
// that seed has written.
func callsOf(t *testing.T, p *pool.Pools) (seed func(), all []call) {
	t.Helper()
	users, err := symphony.NewUser[plainTally](p, "calls")
	require.NoError(t, err)
	rows, err := symphony.NewTable[tally](p, "calls", "rows")
	require.NoError(t, err)
	states, err := symphony.NewStateHandler[plainTally](p, "calls", "chat")
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "calls", "u")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](p, "calls")
	require.NoError(t, err)
	triggers, err := symphony.NewTrigger(p, "calls")
	require.NoError(t, err)
	kv, err := symphony.NewGeneric[int](p, "calls")
	require.NoError(t, err)
	space, err := keyspace.MustCompile("{tenant}:list:{id}").Bind("calls")
	require.NoError(t, err)
	list, err := listrepo.New[int](p, pool.Handlers, space)
	require.NoError(t, err)
	v := plainTally{Count: 1}
	idle := symphony.Queue{Service: "idle", Entity: "e", Action: "a"}
	sow := func() error {
		// A tenant that is pending without items: RemoveFromPending has something to do.
		_, waiting := batch.Enqueue(ctx, idle, 1)
		_, gone := rows.Delete(ctx, "v")
		_, emptied := list.Delete(ctx, "l")
		_, pushed := list.Push(ctx, "l", 1, 2, 3)
		return errors.Join(waiting, batch.Trim(ctx, idle, 1, 0), gone, emptied, pushed, rows.Upsert(ctx, "v", tally{}),
			users.UpsertMany(ctx, hashrepo.Record[plainTally]{ID: "u", Value: v}, hashrepo.Record[plainTally]{ID: "gone", Value: v}),
			states.Upsert(ctx, "u", v), shared.Upsert(ctx, "s", symphony.Fields{"a": 1}), kv.Set(ctx, "k", 1), triggers.Set(ctx, "x", "1", time.Hour))
	}
	seed = func() {
		warm(t, p)
		requireEventually(t, func() bool { return sow() == nil }, "nothing can be written")
	}
	read := func(name string, do func(context.Context) error) { all = append(all, call{name: name, do: do}) }
	write := func(name string, do func(context.Context) error) {
		all = append(all, call{name: name, write: true, do: do})
	}
	resent := func(name string, do func(context.Context) error) {
		all = append(all, call{name: name, write: true, again: true, do: do})
	}

	read("hash Get", func(ctx context.Context) error { return two(users.Get(ctx, "u")) })
	read("hash GetMany", func(ctx context.Context) error { return two(users.GetMany(ctx, "u", "x")) })
	read("hash All", func(ctx context.Context) error { return firstError(users.All(ctx)) })
	read("hash FindOne", func(ctx context.Context) error { return two(users.FindOne(ctx, tallyCount.Eq(77))) })
	read("hash Exists", func(ctx context.Context) error { return two(users.Exists(ctx, "u")) })
	read("hash TTL", func(ctx context.Context) error { return two(users.TTL(ctx, "u")) })
	read("hash GetField", func(ctx context.Context) error { var n int64; return users.GetField(ctx, "u", "count", &n) })
	write("hash Upsert", func(ctx context.Context) error { return users.Upsert(ctx, "u", v) })
	write("hash Upsert KeepTTL", func(ctx context.Context) error { return users.With(symphony.KeepTTL()).Upsert(ctx, "u", v) })
	write("hash UpsertMany", func(ctx context.Context) error {
		return users.UpsertMany(ctx, hashrepo.Record[plainTally]{ID: "u", Value: v})
	})
	write("hash Replace", func(ctx context.Context) error { return users.Replace(ctx, "u", v) })
	write("hash Update set", func(ctx context.Context) error { return users.Update(ctx, "u", tallyCount.Set(1)) })
	write("hash Update add", func(ctx context.Context) error { return users.Update(ctx, "u", tallyCount.Add(1)) })
	write("hash Merge", func(ctx context.Context) error { return two(users.Merge(ctx, "u", tallyCount.Add(1))) })
	write("hash Mutate", func(ctx context.Context) error {
		return two(users.Mutate(ctx, "u", func(t *plainTally) error { t.Count++; return nil }))
	})
	write("hash UpdateField", func(ctx context.Context) error { return users.UpdateField(ctx, "u", "count", 2) })
	write("hash IncrementField", func(ctx context.Context) error { return two(users.IncrementField(ctx, "u", "count", 1)) })
	write("hash AppendToList", func(ctx context.Context) error { return users.AppendToList(ctx, "u", "marks", 1) })
	write("hash DeleteField", func(ctx context.Context) error { return two(users.DeleteField(ctx, "u", "marks")) })
	write("hash Touch", func(ctx context.Context) error { return two(users.Touch(ctx, "u")) })
	write("hash Delete", func(ctx context.Context) error { return two(users.Delete(ctx, "u", "gone")) })
	write("hash Delete IfVersion", func(ctx context.Context) error { return two(rows.With(symphony.IfVersion(1)).Delete(ctx, "v")) })
	write("state Merge", func(ctx context.Context) error { return two(states.Merge(ctx, "u", tallyCount.Add(1))) })
	read("shared Get", func(ctx context.Context) error { return two(shared.Get(ctx, "s")) })
	read("shared States", func(ctx context.Context) error { return two(shared.States(ctx)) })
	write("shared Upsert", func(ctx context.Context) error { return shared.Upsert(ctx, "s", symphony.Fields{"a": 2}) })
	write("shared UpdateField", func(ctx context.Context) error { return shared.UpdateField(ctx, "s", "a", 3) })
	read("kv Get", func(ctx context.Context) error { return two(kv.Get(ctx, "k")) })
	read("kv GetMany", func(ctx context.Context) error { return two(kv.GetMany(ctx, "k", "x")) })
	read("kv IDs", func(ctx context.Context) error { return firstError(kv.IDs(ctx)) })
	write("kv Set", func(ctx context.Context) error { return kv.Set(ctx, "k", 2) })
	write("kv SetMany", func(ctx context.Context) error { return kv.SetMany(ctx, kvrepo.Record[int]{ID: "k", Value: 3}) })
	write("kv Swap", func(ctx context.Context) error { return three(kv.Swap(ctx, "k", 4)) })
	write("kv Swap KeepTTL", func(ctx context.Context) error { return three(kv.With(symphony.KeepTTL()).Swap(ctx, "k", 4)) })
	write("kv Mutate", func(ctx context.Context) error {
		return two(kv.Mutate(ctx, "k", func(n *int) error { *n++; return nil }))
	})
	write("kv Delete", func(ctx context.Context) error { return two(kv.Delete(ctx, "k")) })
	read("kv GetOrLoad", func(ctx context.Context) error {
		return two(kv.GetOrLoad(ctx, "loaded", func(context.Context) (int, error) { return 0, errors.New("not loaded") }))
	})
	read("list Range", func(ctx context.Context) error { return two(list.Range(ctx, "l", 0, -1)) })
	read("list Len", func(ctx context.Context) error { return two(list.Len(ctx, "l")) })
	read("list All", func(ctx context.Context) error { return firstError(list.All(ctx, "l")) })
	write("list Push", func(ctx context.Context) error { return two(list.Push(ctx, "l", 1)) })
	write("list PushFront", func(ctx context.Context) error { return two(list.PushFront(ctx, "l", 1)) })
	write("list Push MaxLen", func(ctx context.Context) error { return two(list.With(listrepo.MaxLen(99)).Push(ctx, "l", 1)) })
	write("list Pop", func(ctx context.Context) error { return two(list.Pop(ctx, "l", 1)) })
	write("list Claim", func(ctx context.Context) error { return two(list.Claim(ctx, "l", 1, time.Minute)) })
	write("list Trim", func(ctx context.Context) error { return list.Trim(ctx, "l", 0, 1) })
	write("list Delete", func(ctx context.Context) error { return two(list.Delete(ctx, "l")) })
	write("batch Enqueue", func(ctx context.Context) error { return two(batch.Enqueue(ctx, queue, 1)) })
	read("trigger Due", func(ctx context.Context) error { return two(triggers.Due(ctx, "x", "1")) })
	resent("trigger Set", func(ctx context.Context) error { return triggers.Set(ctx, "x", "1", time.Hour) })
	resent("trigger SetPayload", func(ctx context.Context) error { return triggers.SetPayload(ctx, "x", "1", 1, time.Hour) })
	resent("trigger Debounce", func(ctx context.Context) error { return triggers.Debounce(ctx, "x", "1", time.Hour, time.Hour) })
	resent("trigger Delete", func(ctx context.Context) error { return two(triggers.Delete(ctx, "x", "1")) })
	resent("trigger DeleteAll", func(ctx context.Context) error { return two(triggers.DeleteAll(ctx, "1")) })
	read("batch Backlog", func(ctx context.Context) error { return two(batch.Backlog(ctx, queue)) })
	write("batch Claim", func(ctx context.Context) error { return two(batch.Claim(ctx, queue, 1, time.Second)) })
	write("batch Process", func(ctx context.Context) error {
		return two(batch.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[int]) error { return nil }))
	})
	read("PendingTenants", func(ctx context.Context) error { return two(symphony.PendingTenants(ctx, p, "idle")) })
	write("RemoveFromPending", func(ctx context.Context) error { return two(symphony.RemoveFromPending(ctx, p, "idle", "calls")) })
	write("ForceRemoveFromPending", func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "idle", "calls") })
	write("hash DeleteAll", func(ctx context.Context) error { return two(users.DeleteAll(ctx)) })
	return seed, all
}

func firstError[A any](items func(func(A, error) bool)) (first error) {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}

// warm makes every connection of the pools, and waits until all are sound.
func warm(t *testing.T, p *pool.Pools) {
	t.Helper()
	sound := func() bool {
		var wg sync.WaitGroup
		var failed atomic.Bool
		for _, a := range p.Aliases() {
			for i := range 64 {
				wg.Go(func() {
					if err := pooltest.Do(t, p, a, "EXISTS", strconv.Itoa(i)).Error(); err != nil {
						failed.Store(true)
					}
				})
			}
		}
		wg.Wait()
		return !failed.Load()
	}
	requireEventually(t, func() bool { return sound() && sound() }, "the connections are broken")
}

// A silent server, a slow one, one that is gone and one that comes and goes:
// every call ends by its deadline with an error that has a type, also while
// connections are made anew.
func TestNothingHangs(t *testing.T) {
	t.Parallel()
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL()})
	seed, all := callsOf(t, p)
	seed()
	for _, c := range []struct {
		name  string
		cause func()
		other time.Duration // the deadline of every second call
	}{
		{"silent", func() { proxy.SetFault(redistest.DropRequests) }, time.Second},
		{"silent after a cut", func() { proxy.SetFault(redistest.DropRequests); proxy.CloseConnections() }, 5 * time.Second},
		{"slow", func() { proxy.SetDelay(time.Minute) }, time.Second},
		{"gone", proxy.Down, time.Second},
		{"cut again and again", func() { proxy.SetFault(redistest.CloseOnReply) }, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			warm(t, p)
			for idle := time.Now(); time.Since(idle) < 25*time.Millisecond; time.Sleep(time.Millisecond) {
				continue
			}
			c.cause()
			defer func() {
				proxy.Down()
				proxy.SetFault(redistest.Healthy)
				proxy.Up()
			}()
			var wg sync.WaitGroup
			for n, call := range all {
				wg.Go(func() {
					deadline := 300 * time.Millisecond
					if n%2 == 0 {
						deadline = c.other
					}
					ctx, cancel := context.WithTimeout(ctx, deadline)
					defer cancel()
					begun := time.Now()
					err := call.do(ctx)
					if late := time.Since(begun) - deadline; late > 2*time.Second {
						t.Errorf("%s ended %v after its deadline of %v", call.name, late, deadline)
					}
					var op *symphony.OpError
					if !errors.As(err, &op) {
						t.Errorf("%s: an error without a type: %v", call.name, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// MaybeApplied tells the truth: true where the reply was lost, false where
// nothing was sent.
func TestMaybeAppliedTellsTheTruth(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL()})
	seed, all := callsOf(t, p)
	maybe := func(t *testing.T, c call, ctx context.Context) bool {
		t.Helper()
		err := c.do(ctx)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op, c.name)
		return op.MaybeApplied()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			seed()
			require.False(t, maybe(t, c, ended), "the context had ended")
			before := server.ChangesSinceSave(t)
			proxy.SetFault(redistest.CloseOnReply)
			short, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
			defer cancel()
			lost := maybe(t, c, short)
			proxy.SetFault(redistest.Healthy)
			proxy.CloseConnections()
			applied := server.ChangesSinceSave(t) > before
			require.True(t, lost || !applied, "it was applied, and MaybeApplied denies it")
			require.True(t, c.write || !lost, "a read may have been applied")
		})
	}
	proxy.Down()
	for _, c := range all {
		if !c.write || c.again {
			continue
		}
		requireEventually(t, func() bool {
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			return !maybe(t, c, short)
		}, c.name+" may have been applied, and no connection could be made")
	}
}

// Of what is sent again, the last error tells nothing of the first attempt.
func TestMaybeAppliedOfWhatIsSentAgain(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	var cut atomic.Bool
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL(), NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		delay := opt.RetryDelay
		opt.RetryDelay = func(attempts int, cmd rueidis.Completed, err error) time.Duration {
			if cut.Load() {
				proxy.Down()
			}
			return delay(attempts, cmd, err)
		}
		return rueidis.NewClient(opt)
	}})
	triggers, err := symphony.NewTrigger(p, "again")
	require.NoError(t, err)
	set := func(timeout time.Duration) error {
		short, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return triggers.Set(short, "x", "1", time.Hour)
	}
	requireEventually(t, func() bool {
		proxy.Down()
		proxy.SetFault(redistest.Healthy)
		proxy.Up()
		requireEventually(t, func() bool { return set(time.Second) == nil }, "the proxy is up")
		before := server.ChangesSinceSave(t)
		proxy.SetFault(redistest.CloseOnReply)
		cut.Store(true)
		defer cut.Store(false)
		var op *symphony.OpError
		require.ErrorAs(t, set(500*time.Millisecond), &op)
		applied := server.ChangesSinceSave(t) > before
		require.True(t, op.MaybeApplied() || !applied, "%v: it was applied, and MaybeApplied denies it", op)
		var dial *net.OpError
		return applied && errors.As(op, &dial)
	}, "never was the first attempt applied and the last one without a connection")
}

// What was cut is not left behind: goroutines and connections are as many after
// as before.
func TestNothingLeaks(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	before := runtime.NumGoroutine()
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL()})
	require.NoError(t, err)
	l := newLedger(t, p)
	warm(t, p)
	stop := l.run(t, 16, 200*time.Millisecond)
	l.await(t, 500)
	for round := range 12 {
		proxy.SetFault([]redistest.Fault{redistest.CloseOnReply, redistest.DropReplies, redistest.CloseOnRequest, redistest.DropRequests}[round%4])
		for failed := l.failed.Load() + 20; l.failed.Load() < failed; time.Sleep(time.Millisecond) {
			continue
		}
		proxy.SetFault(redistest.Healthy)
		proxy.CloseConnections()
		l.await(t, 200)
	}
	stop()
	l.check(t, l.acked())
	warm(t, p)
	connections := 4 * len(p.Aliases()) // what a client makes for one server
	requireEventually(t, func() bool { return proxy.ConnectionCount() <= connections }, "connections are left")
	p.Close()
	requireEventually(t, func() bool { return proxy.ConnectionCount() == 0 }, "connections outlive the pools")
	requireEventually(t, func() bool { return runtime.NumGoroutine() <= before }, "goroutines are left")
}

func requireEventually(t *testing.T, holds func() bool, message string) {
	t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 15*time.Second {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%s:\n%s", message, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
