package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// eachWithOrigins runs a test on pools whose observer stores origins.
func eachWithOrigins(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	cfg := pool.Config{Timeout: time.Minute, Observer: pooltest.Origin("")}
	t.Run("embedded", func(t *testing.T) {
		p, err := embedded.Open(ctx, cfg)
		require.NoError(t, err)
		t.Cleanup(p.Close)
		run(t, p)
	})
	t.Run("server", func(t *testing.T) {
		cfg.URL = redistest.Server(t).URL()
		run(t, pooltest.Redis(t, cfg))
	})
	t.Run("cluster", func(t *testing.T) {
		cfg.URL = redistest.Cluster(t).URL()
		run(t, pooltest.Redis(t, cfg))
	})
}

// from returns a context whose origin is a text.
func from(text string) context.Context { return pooltest.WithOrigin(ctx, text) }

// originsOf returns the names of the keys that hold origins.
func originsOf(t *testing.T, p *pool.Pools) (names []string) {
	t.Helper()
	for _, line := range contents(t, p) {
		if strings.Contains(line, "origins:") {
			names = append(names, line)
		}
	}
	return names
}

// A claim has the origins of its items, however pushes and claims divide them,
// and a repeated delivery has the same. When the items are done, nothing is
// left.
func TestOriginsOfClaims(t *testing.T) {
	eachWithOrigins(t, func(t *testing.T, p *pool.Pools) {
		for name, opts := range map[string][]symphony.Option{
			"plain": nil, "lifetime": {symphony.TTL(time.Hour)}, "serial": {symphony.Serial()}, "bounded": {symphony.MaxLen(1000)},
		} {
			t.Run(name, func(t *testing.T) {
				b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant(), opts...)
				require.NoError(t, err)
				q := symphony.Queue{Service: "mail" + pooltest.UniqueTenant(), Entity: "u1", Action: "send"}
				push := func(origin string, items ...string) {
					t.Helper()
					_, err := b.Enqueue(from(origin), q, items...)
					require.NoError(t, err)
				}
				claim := func(n int) *listrepo.Claim[string] {
					t.Helper()
					c, err := b.Claim(ctx, q, n, time.Minute)
					require.NoError(t, err)
					return c
				}
				for round := range 3 { // the usual scripts serve the later rounds
					push("a", "1", "2", "3")
					push("", "4")
					push("b", "5")
					push("c", "6", "7")

					first := claim(2)
					require.Equal(t, []string{"a"}, first.Origins())
					require.NoError(t, first.Release(ctx, first.Items[1])) // 2 comes again
					require.NoError(t, first.Ack(ctx))

					second := claim(3)
					require.Equal(t, []string{"2", "3", "4"}, valuesOf(second))
					require.Equal(t, 2, second.Items[0].Attempt)
					require.Equal(t, []string{"a"}, second.Origins())
					third, err := second.Next(ctx, 2, time.Minute)
					require.NoError(t, err)
					require.Equal(t, []string{"5", "6"}, valuesOf(third))
					require.Equal(t, []string{"b", "c"}, third.Origins())
					require.NoError(t, third.Release(ctx))

					fourth := claim(9)
					require.Equal(t, []string{"5", "6", "7"}, valuesOf(fourth))
					require.Equal(t, []string{"b", "c"}, fourth.Origins(), "round %d", round)
					require.NoError(t, fourth.Ack(ctx, fourth.Items[0]))
					require.NoError(t, fourth.Ack(ctx))
					require.Empty(t, originsOf(t, p))
				}
			})
		}
	})
}

func valuesOf(c *listrepo.Claim[string]) (values []string) {
	for _, item := range c.Items {
		values = append(values, item.Value)
	}
	return values
}

// An item keeps its origin through expired leases and as a dead letter.
func TestOriginsOfRedeliveries(t *testing.T) {
	eachWithOrigins(t, func(t *testing.T, p *pool.Pools) {
		b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant(), symphony.MaxAttempts(2))
		require.NoError(t, err)
		q := symphony.Queue{Service: "mail" + pooltest.UniqueTenant(), Entity: "u1", Action: "send"}
		_, err = b.Enqueue(from("a"), q, "1")
		require.NoError(t, err)
		_, err = b.Enqueue(from("b"), q, "2")
		require.NoError(t, err)
		_, err = b.Claim(ctx, q, 9, time.Millisecond) // and its worker dies
		require.NoError(t, err)

		var seen [][]string
		for len(seen) < 2 {
			_, err := b.Process(ctx, q, 9, func(ctx context.Context, _ []listrepo.Item[string]) error {
				seen = append(seen, listrepo.OriginsFrom(ctx))
				return errors.New("no")
			})
			require.True(t, err == nil || err.Error() == "no", err)
		}
		require.Equal(t, [][]string{{"a"}, {"b"}}, seen, "the last attempt is alone")
		var dead []listrepo.DeadLetter[string]
		for d, err := range b.Dead(ctx, q) {
			require.NoError(t, err)
			dead = append(dead, d)
		}
		require.Len(t, dead, 2)
		_, err = b.Retry(ctx, q, dead[0].ID)
		require.NoError(t, err)
		c, err := b.With(symphony.MaxAttempts(9)).Claim(ctx, q, 9, time.Minute)
		require.NoError(t, err)
		want := map[string]string{"1": "a", "2": "b"}[c.Items[0].Value]
		require.Equal(t, []string{want}, c.Origins())

		_, err = b.Delete(ctx, q)
		require.NoError(t, err)
		require.Empty(t, originsOf(t, p))
	})
}

// A claim has at most 32 origins, those of its first items. What waits is
// bounded too, and lives for a day at most.
func TestOriginsAreBounded(t *testing.T) {
	eachWithOrigins(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		b, err := symphony.NewBatch[int](p, tenant)
		require.NoError(t, err)
		q := symphony.Queue{Service: "mail" + tenant, Entity: "u1", Action: "send"}
		var want []string
		for i := range 1100 {
			origin := fmt.Sprint("o", i)
			want = append(want, origin)
			_, err := b.Enqueue(from(origin), q, i)
			require.NoError(t, err)
		}
		queue := p.Prefix(pool.Handlers) + queueKey(t, p, tenant, q.Service, q.Entity, q.Action)
		beside := func(kind string) string { return keyspace.Beside(kind, queue) }
		n, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside("origins")).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 1000, n)
		requireDay := func(kind string) {
			ms, err := pooltest.Do(t, p, pool.Handlers, "PTTL", beside(kind)).AsInt64()
			require.NoError(t, err)
			require.InDelta(t, (24 * time.Hour).Milliseconds(), ms, float64(time.Hour.Milliseconds()))
		}
		requireDay("origins")

		c, err := b.Claim(ctx, q, 100, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want[:32], c.Origins())
		requireDay("claimed-origins")
		next, err := c.Next(ctx, 1, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want[100:101], next.Origins())
		require.NoError(t, next.Release(ctx))
		again, err := b.Claim(ctx, q, 1, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want[100:101], again.Origins())
	})
}

// If another program took items, so that positions begin anew, no item has an
// origin of before.
func TestOriginsAfterAnotherProgram(t *testing.T) {
	eachWithOrigins(t, func(t *testing.T, p *pool.Pools) {
		b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant())
		require.NoError(t, err)
		q := symphony.Queue{Service: "mail" + pooltest.UniqueTenant(), Entity: "u1", Action: "send"}
		_, err = b.Enqueue(from("old"), q, "1", "2")
		require.NoError(t, err)
		require.NoError(t, b.Trim(ctx, q, 1, 0))
		_, err = b.Enqueue(ctx, q, "3")
		require.NoError(t, err)
		c, err := b.Claim(ctx, q, 9, time.Minute)
		require.NoError(t, err)
		require.Len(t, c.Items, 1)
		require.Empty(t, c.Origins())
	})
}

// Workers without an observer leave nothing of the origins of an empty queue.
func TestWorkerWithoutAnObserver(t *testing.T) {
	url := redistest.Server(t).URL()
	b, err := symphony.NewBatch[string](pooltest.Redis(t, pool.Config{URL: url, Observer: pooltest.Origin("a")}), "acme")
	require.NoError(t, err)
	p := pooltest.Redis(t, pool.Config{URL: url})
	plain, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	handle := func(context.Context, []listrepo.Item[string]) error { return nil }
	for range 2 { // another script serves the second push
		_, err = b.Enqueue(ctx, q, "1")
		require.NoError(t, err)
		require.NotEmpty(t, originsOf(t, p))
		_, err = plain.Process(ctx, q, 9, handle)
		require.NoError(t, err)
		require.Empty(t, originsOf(t, p))
	}
	_, err = b.Enqueue(ctx, q, "1")
	require.NoError(t, err)
	require.NoError(t, b.Trim(ctx, q, 1, 0))
	_, err = plain.Process(ctx, q, 9, handle)
	require.NoError(t, err)
	require.Empty(t, originsOf(t, p))
}

// A handler of WorkBatches finds the origins of its chunk in its Work.
func TestOriginsOfWork(t *testing.T) {
	eachWithOrigins(t, func(t *testing.T, p *pool.Pools) {
		b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant())
		require.NoError(t, err)
		service := "mail" + pooltest.UniqueTenant()
		_, err = b.Enqueue(from("a"), symphony.Queue{Service: service, Entity: "u1", Action: "send"}, "1")
		require.NoError(t, err)
		working, stop := context.WithCancel(ctx)
		defer stop()
		var works []symphony.Work
		use := func(next func(context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				work, _ := symphony.WorkFrom(ctx)
				works = append(works, work)
				return next(ctx)
			}
		}
		require.NoError(t, symphony.WorkBatches(working, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error {
			if len(works) == 1 {
				return errors.New("no")
			}
			stop()
			return nil
		}, symphony.WorkConfig{
			Use: []func(func(context.Context) error) func(context.Context) error{use}, OnError: func(*symphony.WorkError) {},
			Workers: 1, Backoff: func(int, error) time.Duration { return 0 },
		}))
		require.Len(t, works, 2)
		for i, work := range works {
			require.Equal(t, i+1, work.Attempt)
			require.Equal(t, []string{"a"}, work.Origins())
		}
	})
}

// What a tenant has with origins is erased, and an export does not have them.
func TestTenantsWithOrigins(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Observer: pooltest.Origin("the-origin")})
	before := contents(t, p)
	fill(t, p, "acme", true)
	require.True(t, slices.ContainsFunc(contents(t, p), func(line string) bool { return strings.Contains(line, "the-origin") }))
	var export strings.Builder
	require.NoError(t, symphony.Export(ctx, p, "acme", &export))
	require.NotContains(t, export.String(), "the-origin")
	e, err := symphony.Erase(ctx, p, "acme")
	require.NoError(t, err)
	require.Empty(t, e.Left)
	require.Equal(t, before, contents(t, p))
}
