package listrepo_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Big items go back in their order, in several scripts of about a megabyte.
func TestReleaseOfBigItems(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[string](t, p)
	const size = 400 << 10
	var values []string
	for i := range 7 {
		values = append(values, strconv.Itoa(i)+strings.Repeat("x", size))
	}
	scripts := func() int64 {
		calls := pooltest.CommandCalls(t, p, pool.Handlers)
		return calls["eval"] + calls["evalsha"]
	}
	for name, release := range map[string]func(c *listrepo.Claim[string]) error{
		"released": func(c *listrepo.Claim[string]) error { return c.Release(ctx) },
		"returned": func(c *listrepo.Claim[string]) error { return c.Return(ctx) },
		"in two parts": func(c *listrepo.Claim[string]) error {
			require.NoError(t, c.Release(ctx, c.Items[5], c.Items[1], c.Items[3]))
			return c.Release(ctx, c.Items[6], c.Items[0], c.Items[2], c.Items[4])
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := repo.Push(ctx, name, values...)
			require.NoError(t, err)
			c, err := repo.Claim(ctx, name, 10, time.Minute)
			require.NoError(t, err)
			require.Len(t, c.Items, len(values))
			before := scripts()
			require.NoError(t, release(c))
			require.GreaterOrEqual(t, scripts()-before, int64(4), "a script puts back at most two items")
			require.NoError(t, c.Ack(ctx), "no items are left")
			left, err := repo.Range(ctx, name, 0, -1)
			require.NoError(t, err)
			order := []int{0, 1, 2, 3, 4, 5, 6}
			if name == "in two parts" {
				order = []int{0, 2, 4, 6, 1, 3, 5}
			}
			require.Len(t, left, len(order))
			for i, at := range order {
				require.True(t, left[i] == values[at], "item %d", i)
			}
		})
	}
}
