package symphony_test

import (
	"context"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// fillUsers stores n users of a tenant.
func fillUsers(t *testing.T, p *pool.Pools, tenant string, n int) *symphony.User[profile] {
	t.Helper()
	users, err := symphony.NewUser[profile](p, tenant)
	require.NoError(t, err)
	records := make([]hashrepo.Record[profile], n)
	for i := range records {
		records[i].ID = strconv.Itoa(i)
	}
	require.NoError(t, users.UpsertMany(ctx, records...))
	return users
}

// progress collects the calls of Progress.
type progress struct{ walked, totals []int64 }

func (p *progress) option() symphony.Option {
	return symphony.Progress(func(walked, total int64) {
		p.walked, p.totals = append(p.walked, walked), append(p.totals, total)
	})
}

// Each walk reports growing numbers up to its total.
func TestProgress(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		const n = 2500
		users := fillUsers(t, p, "acme", n)
		for name, walk := range map[string]struct {
			total int64
			run   func(o symphony.Option) error
		}{
			"Tenants": {n, func(o symphony.Option) error {
				for _, err := range symphony.Tenants(ctx, p, o) {
					if err != nil {
						return err
					}
				}
				return nil
			}},
			"Keys": {n, func(o symphony.Option) error {
				for _, err := range symphony.Keys(ctx, p, o) {
					if err != nil {
						return err
					}
				}
				return nil
			}},
			"Export": {n, func(o symphony.Option) error { return symphony.Export(ctx, p, "acme", io.Discard, o) }},
			"All": {n, func(o symphony.Option) error {
				for _, err := range users.With(o).All(ctx) {
					if err != nil {
						return err
					}
				}
				return nil
			}},
			"dry": {n, func(o symphony.Option) error {
				_, err := symphony.Erase(ctx, p, "acme", o, symphony.DryRun())
				return err
			}},
		} {
			var seen progress
			require.NoError(t, walk.run(seen.option()), name)
			require.NotEmpty(t, seen.walked, name)
			require.IsNonDecreasing(t, seen.walked, name)
			require.Equal(t, walk.total, seen.walked[len(seen.walked)-1], name)
			require.Equal(t, walk.total, seen.totals[0], name)
		}
		var seen progress
		_, err := symphony.Erase(ctx, p, "acme", seen.option())
		require.NoError(t, err)
		require.EqualValues(t, 2*n, seen.totals[0])
	})
}

// ScanRate spreads a walk over time, whatever the order of the options. A
// context that ends ends the wait.
func TestScanRate(t *testing.T) {
	pooltest.Long(t)
	p := pooltest.Redis(t, pool.Config{})
	fillUsers(t, p, "acme", 3000)
	var seen progress
	for _, opts := range [][]symphony.Option{{symphony.ScanRate(3000), seen.option()}, {seen.option(), symphony.ScanRate(3000)}} {
		began := time.Now()
		for _, err := range symphony.Keys(ctx, p, opts...) {
			require.NoError(t, err)
		}
		require.GreaterOrEqual(t, time.Since(began), time.Second, "the first thousand keys come at once, and others after them")
	}
	require.NotEmpty(t, seen.walked)
	ending, end := context.WithCancel(ctx)
	walked := 0
	var last error
	for _, err := range symphony.Keys(ending, p, symphony.ScanRate(1), symphony.Progress(func(int64, int64) { walked++; end() })) {
		last = err
	}
	require.ErrorIs(t, last, context.Canceled)
	require.Equal(t, 1, walked)
}

func TestWalkOptionsRefuse(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, o := range []symphony.Option{symphony.ScanRate(0), symphony.ScanRate(-1), symphony.Progress(nil)} {
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error { return symphony.Export(ctx, p, "acme", io.Discard, o) })
		_, err := symphony.NewUser[profile](p, "acme", o)
		require.ErrorIs(t, err, symphony.ErrInvalidArgument)
		require.ErrorContains(t, err, "leave the option out")
	}
}
