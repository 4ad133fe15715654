package symphony_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// errorRecorder records the errors that workers report.
type errorRecorder struct {
	mu   sync.Mutex
	errs []error
}

func (r *errorRecorder) add(err *symphony.WorkError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *errorRecorder) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

// countContaining returns how many errors contain the substring.
func (r *errorRecorder) countContaining(substring string) (n int) {
	for _, err := range r.all() {
		if strings.Contains(err.Error(), substring) {
			n++
		}
	}
	return n
}

// newServerWithLayout starts a server and opens pools with a layout. The
// function that it returns sends a command to the pool of the queues.
func newServerWithLayout(t *testing.T, layout keyspace.Layout, config ...string) (*pool.Pools, func(args ...string)) {
	t.Helper()
	s := redistest.Server(t, config...)
	p, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Timeout: 5 * time.Second, Layout: layout})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, func(args ...string) {
		t.Helper()
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, args...).Error())
	}
}

// setKey returns the key of the pending set of service "s".
func setKey(t *testing.T, p *pool.Pools) string {
	t.Helper()
	set, err := p.Layout().PendingSet.Key("s")
	require.NoError(t, err)
	return set
}

// Members of the pending set and of the schedule that are not valid are
// reported once, and do not stop the workers. Those of the schedule are
// removed.
func TestWorkWithInvalidMembers(t *testing.T) {
	for _, c := range []struct {
		name    string
		layout  keyspace.Layout
		members []string
	}{
		{"default", keyspace.Default(), []string{"", "nul\x00nul"}},
		{"cluster", keyspace.Cluster(), []string{"", "{brace}", "a}b"}},
		{"python", keyspace.Python(), []string{"", "acme:user"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, do := newServerWithLayout(t, c.layout)
			set := setKey(t, p)
			tenants, queues, drained := pending.TenantsKey(set), pending.QueuesKey(set, "acme"), keyspace.Beside("drained", set)
			var refused []string
			for _, member := range c.members {
				do("SADD", set, member)
				removed, err := symphony.RemoveFromPending(ctx, p, "s", member)
				require.False(t, removed)
				if err != nil {
					require.ErrorIs(t, err, symphony.ErrInvalidKey)
					require.ErrorContains(t, err, "ForceRemoveFromPending")
					refused = append(refused, member)
				}
			}
			require.NotEmpty(t, refused)
			do("ZADD", queues, "1", "names no queue", "1", "", "1", "acme:", "1", "acme:e:", "-inf", "nul\x00")
			do("ZADD", tenants, "1", "no queues", "-inf", "", "2", "acme")
			do("ZADD", drained, "0", "", "1", "gone", "0", "a:b", "-inf", "nul\x00")
			q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
			enqueue(t, p, "acme", q, 1, 2)
			var h callRecorder
			var r errorRecorder
			stop := startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add})
			requireEventually(t, func() bool { return len(h.all()) == 1 })
			enqueue(t, p, "acme", q, 3)
			requireEventually(t, func() bool { return len(h.all()) == 2 })
			requireEventually(t, func() bool { return len(pendingTenants(t, p, "s")) == len(refused) })
			requireEventually(t, func() bool {
				n, err := pooltest.Do(t, p, pool.Handlers, "EXISTS", tenants, queues, drained).AsInt64()
				require.NoError(t, err)
				return n == 0
			})
			stop()
			require.Len(t, r.all(), 2, "%v", r.all())
			require.Equal(t, 1, r.countContaining(fmt.Sprint(len(refused), " members that are not tenants")), "%v", r.all())
			require.Equal(t, 1, r.countContaining("members that do not name a queue"), "%v", r.all())
			require.Equal(t, 1, r.countContaining("ForceRemoveFromPending"), "%v", r.all())

			require.ElementsMatch(t, refused, pendingTenants(t, p, "s"))
			for _, member := range refused {
				require.NoError(t, symphony.ForceRemoveFromPending(ctx, p, "s", member))
			}
			require.Empty(t, pendingTenants(t, p, "s"))
			var laterErrors errorRecorder
			enqueue(t, p, "acme", q, 4)
			stop = startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: laterErrors.add})
			requireEventually(t, func() bool { return len(h.all()) == 3 })
			stop()
			require.Empty(t, laterErrors.all())
		})
	}
}

// A key of another type beside a queue stops at most that queue, until the
// key is deleted.
func TestWorkWithQueueKeysOfAnotherType(t *testing.T) {
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	for _, kind := range []string{"due", "back", "again", "age", "dead"} {
		t.Run(kind, func(t *testing.T) {
			p, do := newServerWithLayout(t, keyspace.Default())
			enqueue(t, p, "bad", q, 1)
			enqueue(t, p, "good", q, 2)
			list, err := p.Layout().BatchList.Key("bad", "s", "e", "a")
			require.NoError(t, err)
			do("DEL", keyspace.Beside(kind, list))
			do("SET", keyspace.Beside(kind, list), "garbage")
			var h callRecorder
			var r errorRecorder
			startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add, Backoff: func(int, error) time.Duration { return 50 * time.Millisecond }})
			for i := range 3 {
				n := len(h.all())
				enqueue(t, p, "good", q, 10+i)
				requireEventually(t, func() bool { return len(h.all()) > n })
			}
			require.Less(t, len(r.all()), 20)
			do("DEL", keyspace.Beside(kind, list))
			requireEventually(t, func() bool { return strings.Contains(strings.Join(h.all(), ";"), "bad e a 1") })
		})
	}
}

// A key of another type instead of the pending set or of a part of the
// schedule is reported, and the workers go on.
func TestWorkWithPendingKeysOfAnotherType(t *testing.T) {
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	for _, part := range []string{"set", "tenants", "queues", "drained", "sweep"} {
		t.Run(part, func(t *testing.T) {
			p, do := newServerWithLayout(t, keyspace.Default())
			set := setKey(t, p)
			enqueue(t, p, "acme", q, 1)
			key := map[string]string{"set": set, "queues": pending.QueuesKey(set, "acme")}[part]
			if key == "" {
				key = keyspace.Beside(part, set)
			}
			value := []string{"SET", key, "garbage"}
			if part == "sweep" {
				value = []string{"RPUSH", key, "garbage"}
			}
			do("DEL", key)
			do(value...)
			var h callRecorder
			var r errorRecorder
			startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add})
			requireEventually(t, func() bool { return r.countContaining(key) > 0 })
			requireEventually(t, func() bool { return len(h.all()) == 1 }) // by the schedule, or by a scan
			require.LessOrEqual(t, len(r.all()), 3, "%v", r.all())
			do("DEL", key)
			enqueue(t, p, "acme", q, 2)
			requireEventually(t, func() bool { return strings.Contains(fmt.Sprint(h.all()), " 2") })
		})
	}
}

// Thousands of invalid members are reported in one short error, and the
// workers go on.
func TestWorkWithManyInvalidMembers(t *testing.T) {
	p, do := newServerWithLayout(t, keyspace.Default())
	set := setKey(t, p)
	const n = 20_000
	do("EVAL", "for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], 'nul\\0' .. i) redis.call('ZADD', KEYS[2], i, 'garbage' .. i) end return 1",
		"2", set, pending.QueuesKey(set, "acme"), fmt.Sprint(n))
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	var h callRecorder
	var r errorRecorder
	stop := startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
		h.add(tenant, q, items)
		return nil
	}, symphony.WorkConfig{OnError: r.add})
	for i := range 5 {
		enqueue(t, p, "acme", q, i)
		requireEventually(t, func() bool { return len(h.all()) == i+1 })
	}
	requireEventually(t, func() bool { return len(r.all()) == 2 })
	stop()
	require.Equal(t, 1, r.countContaining(fmt.Sprint(n, " members that are not tenants")))
	require.Equal(t, 1, r.countContaining("members that do not name a queue"))
	for _, err := range r.all() {
		require.Less(t, len(err.Error()), 1000)
	}
}

// WorkBatches refuses a nil handler, and takes the longest lease.
func TestWorkArguments(t *testing.T) {
	p, _ := newServerWithLayout(t, keyspace.Default())
	require.ErrorIs(t, symphony.WorkBatches[int](ctx, p, "s", nil, symphony.WorkConfig{}), symphony.ErrInvalidArgument)

	var h callRecorder
	var r errorRecorder
	enqueue(t, p, "acme", symphony.Queue{Service: "s", Entity: "e", Action: "a"}, 1)
	startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
		h.add(tenant, q, items)
		return nil
	}, symphony.WorkConfig{Lease: math.MaxInt64, OnError: r.add})
	requireEventually(t, func() bool { return len(h.all()) == 1 && len(pendingTenants(t, p, "s")) == 0 })
	require.Empty(t, r.all())
}

// WorkBatches logs one warning if the server may evict keys.
func TestWorkWarnsOfEviction(t *testing.T) {
	for policy, warnings := range map[string]int{"allkeys-lru": 1, "noeviction": 0} {
		t.Run(policy, func(t *testing.T) {
			p, _ := newServerWithLayout(t, keyspace.Default(), "maxmemory-policy "+policy)
			var out bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
			t.Cleanup(func() { slog.SetDefault(before) })
			var h callRecorder
			enqueue(t, p, "acme", symphony.Queue{Service: "s", Entity: "e", Action: "a"}, 1)
			stop := startWorkers(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{})
			requireEventually(t, func() bool { return len(h.all()) == 1 })
			stop()
			require.Equal(t, warnings, strings.Count(out.String(), "noeviction"), out.String())
			if warnings > 0 {
				require.Contains(t, out.String(), "policy="+policy)
			}
		})
	}
}
