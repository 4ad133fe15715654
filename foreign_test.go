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
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// reports is what a worker reported.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err *symphony.WorkError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

func (r *reports) saying(words string) (n int) {
	for _, err := range r.all() {
		if strings.Contains(err.Error(), words) {
			n++
		}
	}
	return n
}

// strangePools is a server with pools in a layout, and a hand on its keys.
func strangePools(t *testing.T, layout keyspace.Layout, config ...string) (*pool.Pools, func(args ...string)) {
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

func registryKeys(t *testing.T, p *pool.Pools) (set, index string) {
	t.Helper()
	set, err := p.Layout().PendingSet.Key("s")
	require.NoError(t, err)
	return set, keyspace.Beside("queues", set)
}

// Members that are not tenants are reported once, and the work goes on.
func TestForeignMembersStopNoTenant(t *testing.T) {
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
			p, do := strangePools(t, c.layout)
			set, index := registryKeys(t, p)
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
			do("ZADD", index, "1", "names no queue", "1", "", "1", "a:b:c:d:e", "inf", "x:", "-inf", "nul\x00")
			q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
			enqueue(t, p, "acme", q, 1, 2)
			var h handled
			var r reports
			stop := workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add})
			eventually(t, func() bool { return len(h.all()) == 1 })
			enqueue(t, p, "acme", q, 3)
			eventually(t, func() bool { return len(h.all()) == 2 })
			eventually(t, func() bool { return len(pendingOf(t, p, "s")) == len(refused) })
			stop()
			require.Len(t, r.all(), 1, "%v", r.all())
			require.Equal(t, 1, r.saying(fmt.Sprint(len(refused), " members that are not tenants")), "%v", r.all())
			require.Equal(t, 1, r.saying("members that do not name a queue"), "%v", r.all())
			require.Equal(t, 1, r.saying("ForceRemoveFromPending"), "%v", r.all())

			require.ElementsMatch(t, refused, pendingOf(t, p, "s"))
			for _, member := range append(refused, "names no queue", "", "a:b:c:d:e", "x:", "nul\x00") {
				require.NoError(t, symphony.ForceRemoveFromPending(ctx, p, "s", member))
			}
			require.Empty(t, pendingOf(t, p, "s"))
			var again reports
			enqueue(t, p, "acme", q, 4)
			stop = workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: again.add})
			eventually(t, func() bool { return len(h.all()) == 3 })
			stop()
			require.Empty(t, again.all())
		})
	}
}

// Whatever stands where the library keeps its own stops no more than it must.
func TestForeignTypesStopNoOther(t *testing.T) {
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	for _, kind := range []string{"due", "back", "again", "age", "dead"} {
		t.Run(kind, func(t *testing.T) {
			p, do := strangePools(t, keyspace.Default())
			enqueue(t, p, "bad", q, 1)
			enqueue(t, p, "good", q, 2)
			list, err := p.Layout().BatchList.Key("bad", "s", "e", "a")
			require.NoError(t, err)
			do("DEL", keyspace.Beside(kind, list))
			do("SET", keyspace.Beside(kind, list), "garbage")
			var h handled
			var r reports
			workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add})
			for i := range 3 {
				n := len(h.all())
				enqueue(t, p, "good", q, 10+i)
				eventually(t, func() bool { return len(h.all()) > n })
			}
			require.Less(t, len(r.all()), 20)
			do("DEL", keyspace.Beside(kind, list))
			eventually(t, func() bool { return strings.Contains(strings.Join(h.all(), ";"), "bad e a 1") })
		})
	}
}

// A pending set or an index of another type is reported once.
func TestForeignRegistry(t *testing.T) {
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	for _, which := range []string{"set", "index"} {
		t.Run(which, func(t *testing.T) {
			p, do := strangePools(t, keyspace.Default())
			set, index := registryKeys(t, p)
			enqueue(t, p, "acme", q, 1)
			key := map[string]string{"set": set, "index": index}[which]
			do("DEL", key)
			do("SET", key, "garbage")
			var h handled
			var r reports
			workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{OnError: r.add})
			eventually(t, func() bool { return r.saying(key) > 0 })
			eventually(t, func() bool { return len(h.all()) == 1 }) // by the index, or by a scan
			require.LessOrEqual(t, len(r.all()), 3, "%v", r.all())
			do("DEL", key)
			enqueue(t, p, "acme", q, 2)
			eventually(t, func() bool { return strings.Contains(fmt.Sprint(h.all()), " 2") })
		})
	}
}

// Garbage without end makes a few reports, and the work goes on.
func TestMuchGarbageIsReportedOnce(t *testing.T) {
	p, do := strangePools(t, keyspace.Default())
	set, index := registryKeys(t, p)
	const n = 20_000
	do("EVAL", "for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], 'nul\\0' .. i) redis.call('ZADD', KEYS[2], i, 'garbage' .. i) end return 1",
		"2", set, index, fmt.Sprint(n))
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	var h handled
	var r reports
	stop := workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
		h.add(tenant, q, items)
		return nil
	}, symphony.WorkConfig{OnError: r.add})
	for i := range 5 {
		enqueue(t, p, "acme", q, i)
		eventually(t, func() bool { return len(h.all()) == i+1 })
	}
	stop()
	require.Len(t, r.all(), 1)
	require.ErrorContains(t, r.all()[0], fmt.Sprint(n, " members that are not tenants"))
	require.ErrorContains(t, r.all()[0], fmt.Sprint(n, " members that do not name a queue"))
	require.Less(t, len(r.all()[0].Error()), 1000)
}

// What WorkBatches cannot take is refused at once.
func TestWorkArguments(t *testing.T) {
	p, _ := strangePools(t, keyspace.Default())
	require.ErrorIs(t, symphony.WorkBatches[int](ctx, p, "s", nil, symphony.WorkConfig{}), symphony.ErrInvalidArgument)

	var h handled
	var r reports
	enqueue(t, p, "acme", symphony.Queue{Service: "s", Entity: "e", Action: "a"}, 1)
	workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
		h.add(tenant, q, items)
		return nil
	}, symphony.WorkConfig{Lease: math.MaxInt64, OnError: r.add})
	eventually(t, func() bool { return len(h.all()) == 1 && len(pendingOf(t, p, "s")) == 0 })
	require.Empty(t, r.all())
}

// A server that evicts keys is warned of once, when the work begins.
func TestWorkWarnsOfEviction(t *testing.T) {
	for policy, warnings := range map[string]int{"allkeys-lru": 1, "noeviction": 0} {
		t.Run(policy, func(t *testing.T) {
			p, _ := strangePools(t, keyspace.Default(), "maxmemory-policy "+policy)
			var out bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
			t.Cleanup(func() { slog.SetDefault(before) })
			var h handled
			enqueue(t, p, "acme", symphony.Queue{Service: "s", Entity: "e", Action: "a"}, 1)
			stop := workOn(t, p, "s", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{})
			eventually(t, func() bool { return len(h.all()) == 1 })
			stop()
			require.Equal(t, warnings, strings.Count(out.String(), "noeviction"), out.String())
			if warnings > 0 {
				require.Contains(t, out.String(), "policy="+policy)
			}
		})
	}
}
