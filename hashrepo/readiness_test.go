package hashrepo

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

type indexedRecord struct {
	Email string `redis:"email,unique"`
	Age   int    `redis:"age,index"`
}

var indexedKeys = keyspace.MustCompile("{{tenant}}:indexed:{id}")

// openIndexed returns the repository of a tenant.
func openIndexed(t testing.TB, p *pool.Pools, tenant string) *HashRepo[indexedRecord] {
	t.Helper()
	s, err := indexedKeys.Bind(tenant)
	require.NoError(t, err)
	r, err := New[indexedRecord](p, pool.User, s)
	require.NoError(t, err)
	return r
}

// A space is complete after it was marked. A process asks until then, and not
// again.
func TestIsComplete(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		r, other := openIndexed(t, p, tenant), openIndexed(t, p, pooltest.UniqueTenant())
		require.NotEmpty(t, r.core.listing.indexed)
		isComplete := func(r *HashRepo[indexedRecord], names ...string) (complete bool, commands int64) {
			t.Helper()
			before := p.Stats()[pool.User].Commands
			complete, err := r.core.isComplete(context.Background(), names)
			require.NoError(t, err)
			return complete, p.Stats()[pool.User].Commands - before
		}
		for range 2 {
			complete, commands := isComplete(r, "t-email")
			require.False(t, complete)
			require.EqualValues(t, 1, commands)
		}
		pooltest.Do(t, p, pool.User, "HSET", r.core.listing.indexed, r.core.listing.tail+"\x00n-age", "1")
		for range 2 {
			complete, _ := isComplete(r, "t-email", "n-age")
			require.False(t, complete, "one of two indexes is complete")
		}
		complete, commands := isComplete(r, "n-age")
		require.True(t, complete)
		require.Zero(t, commands)

		require.NoError(t, r.core.markComplete(context.Background(), fault.Target{}))
		for i := range 2 {
			for _, names := range [][]string{nil, {"t-email", "n-age"}} {
				complete, commands := isComplete(openIndexed(t, p, tenant), names...)
				require.True(t, complete, names)
				require.EqualValues(t, 1-i, commands)
			}
		}
		complete, _ = isComplete(other)
		require.False(t, complete, "of another tenant")
		complete, err := r.With(On(pool.Handlers)).core.isComplete(context.Background(), nil)
		require.NoError(t, err)
		require.False(t, complete, "on another pool")
	})
}

// The log has one line for the spaces of a template, and another for other
// indexes.
func TestIncompleteSpacesAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	p := pooltest.Redis(t, pool.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	log.Reset()
	for range 3 {
		for _, names := range [][]string{nil, {"n-age"}} {
			complete, err := openIndexed(t, p, pooltest.UniqueTenant()).core.isComplete(context.Background(), names)
			require.NoError(t, err)
			require.False(t, complete)
		}
	}
	require.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), "run Reindex once")
	require.Contains(t, log.String(), ":indexed:{id}")
}

// An answer of another shape, or of a server that refuses, is an error.
func TestIsCompleteOfUnreadableKey(t *testing.T) {
	p := pooltest.Embedded(t)
	r := openIndexed(t, p, "acme")
	pooltest.Do(t, p, pool.User, "SET", r.core.listing.indexed, "text")
	_, err := r.core.isComplete(context.Background(), nil)
	require.ErrorIs(t, err, ErrWrongType)
	require.ErrorContains(t, err, r.core.listing.indexed)
}
