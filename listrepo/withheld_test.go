package listrepo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// An item that does not decode and cannot be made a dead letter is withheld: it
// stays in the lease and is redelivered, however the others are settled.
func TestWithheldItemIsRedelivered(t *testing.T) {
	settle := map[string]func(c *listrepo.Claim[int]) error{
		"Ack": func(c *listrepo.Claim[int]) error { return c.Ack(ctx) },
		"Ack one": func(c *listrepo.Claim[int]) error {
			named := c.Items
			c.Items = nil
			return c.Ack(ctx, named...)
		},
		"Next": func(c *listrepo.Claim[int]) error {
			next, err := c.Next(ctx, 5, time.Minute)
			if err == nil && len(next.Items) > 0 {
				err = errors.New("Next claimed the withheld item")
			}
			return err
		},
		"Next of none": func(c *listrepo.Claim[int]) error { _, err := c.Next(ctx, 0, time.Minute); return err },
		"Release":      func(c *listrepo.Claim[int]) error { return c.Release(ctx) },
		"Fail":         func(c *listrepo.Claim[int]) error { return c.Fail(ctx, errors.New("broken")) },
		"Return":       func(c *listrepo.Claim[int]) error { return c.Return(ctx) },
	}
	for name, call := range settle {
		t.Run(name, func(t *testing.T) {
			pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
				for _, other := range [][]string{nil, {"7"}} {
					repo, key := newRepo[int](t, p)
					queue := append([]string{"RPUSH", key + "q", "precious"}, other...)
					require.NoError(t, pooltest.Do(t, p, pool.Handlers, queue...).Error())
					require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", beside(p, "dead", key), "x").Error())
					c, err := repo.Claim(ctx, "q", 10, time.Minute)
					require.ErrorIs(t, err, symphony.ErrWrongType)
					require.ErrorContains(t, err, beside(p, "dead", key), "the error names the key")
					require.Len(t, c.Items, len(other))
					require.NoError(t, call(c))
					require.NoError(t, call(c), "the caller has no items left")
					requireRedelivered(t, p, repo, key, c)
				}
			})
		})
	}
}

// requireRedelivered asserts that the item "precious" is redelivered once the
// lease of c has expired, and becomes a dead letter once that is possible.
func requireRedelivered(t *testing.T, p *pool.Pools, repo *listrepo.ListRepo[int], key string, c *listrepo.Claim[int]) {
	t.Helper()
	if c != nil {
		require.NoError(t, c.Extend(ctx, time.Millisecond))
	}
	var bad *listrepo.ItemError
	redelivered := func(deadUsable bool) func() bool {
		return func() bool {
			_, err := repo.Claim(ctx, "q", 10, time.Millisecond)
			return errors.As(err, &bad) && errors.Is(err, symphony.ErrWrongType) != deadUsable
		}
	}
	require.Eventually(t, redelivered(false), 10*time.Second, time.Millisecond)
	require.Equal(t, "precious", string(bad.Raw))

	// Without the key of another type, the item becomes a dead letter.
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", beside(p, "dead", key)).Error())
	require.Eventually(t, redelivered(true), 10*time.Second, time.Millisecond)
	b, err := repo.Backlog(ctx, "q")
	require.NoError(t, err)
	require.EqualValues(t, 1, b.Dead)
}

func TestProcessWithholdsItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "7", "precious").Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", beside(p, "dead", key), "x").Error())
		n, err := repo.With(listrepo.Lease(100*time.Millisecond)).Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error { return nil })
		require.ErrorIs(t, err, symphony.ErrWrongType)
		require.Equal(t, 1, n)
		requireRedelivered(t, p, repo, key, nil)
	})
}

// An item is withheld too if the connection breaks before it becomes a dead
// letter.
func TestItemIsWithheldIfTheConnectionBreaks(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	direct := pooltest.Redis(t, pool.Config{URL: server.URL()})
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL(), Timeout: 200 * time.Millisecond})
	tenant := pooltest.UniqueTenant()
	s, err := keys.Bind(tenant)
	require.NoError(t, err)
	repo, err := listrepo.New[unreadable](p, pool.Handlers, s, listrepo.Codec(closingCodec{proxy}))
	require.NoError(t, err)
	key := tenant + ":queue:"
	require.NoError(t, pooltest.Do(t, direct, pool.Handlers, "RPUSH", key+"q", "precious", "7").Error())

	c, err := repo.Claim(ctx, "q", 10, time.Minute)
	var bad *listrepo.ItemError
	require.ErrorAs(t, err, &bad)
	require.Len(t, c.Items, 1)
	proxy.Up()
	require.Eventually(t, func() bool { return c.Ack(ctx) == nil }, 20*time.Second, 10*time.Millisecond)
	held := 0
	for _, name := range keysBeside(t, direct, key) {
		if name[:4] == "%cla" {
			held++
		}
	}
	require.Equal(t, 1, held, "the item is still leased")
}

type unreadable struct{ N int }

// closingCodec closes the connection when it decodes "precious", which fails.
type closingCodec struct{ proxy *redistest.Proxy }

func (closingCodec) Name() string                { return "closing" }
func (closingCodec) Marshal(any) ([]byte, error) { return nil, errors.New("the codec only reads") }
func (c closingCodec) Unmarshal(data []byte, _ any) error {
	if string(data) == "precious" {
		c.proxy.Down()
		return errors.New("not a number")
	}
	return nil
}
