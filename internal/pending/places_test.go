package pending_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// takeWithPlaces returns the queues that are handed out, as take does.
func (s service) takeWithPlaces(n int, p pending.Places) (names []string, look pending.Look) {
	s.t.Helper()
	look, err := s.TakeWithPlaces(ctx, "Take", n, pending.Sweeper{}, p)
	require.NoError(s.t, err)
	require.NoError(s.t, look.Foreign)
	require.Len(s.t, look.Places, len(look.Queues))
	for _, q := range look.Queues {
		names = append(names, q.Tenant+" "+q.Action)
	}
	return names, look
}

// A tenant gets no more queues than it has places, until one is freed. The
// tenant then comes after those that wait.
func TestTakeWithPlaces(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, two := newService(t, p), pending.Places{PerTenant: 2, Lease: time.Minute}
		for _, name := range []string{"1", "2", "3", "4"} {
			s.push("a:b", name, 1)
		}
		names, first := s.takeWithPlaces(10, two)
		require.Equal(t, []string{"a:b 1", "a:b 2"}, names)
		s.push("c", "1", 1)
		names, look := s.takeWithPlaces(10, two)
		require.Equal(t, []string{"c 1"}, names)
		require.Greater(t, look.Wait, time.Second) // the lease, or the pause of a queue

		s.push("c", "2", 1)
		require.NoError(t, s.Free(ctx, "Free", "a:b", first.Places[0]))
		names, next := s.takeWithPlaces(10, two)
		require.Equal(t, []string{"c 2", "a:b 3"}, names)

		require.NoError(t, s.Free(ctx, "Free", "a:b", first.Places[0])) // not that of another
		names, _ = s.takeWithPlaces(10, two)
		require.Empty(t, names)
		require.ErrorIs(t, s.Hold(ctx, "Hold", "a:b", first.Places[0], two), fault.ErrLeaseLost)
		require.NoError(t, s.Hold(ctx, "Hold", "a:b", first.Places[1], two))
		require.NoError(t, s.Free(ctx, "Free", "a:b", next.Places[1]))
		require.NoError(t, s.Hold(ctx, "Hold", "a:b", "new", two))
		names, _ = s.takeWithPlaces(10, two)
		require.Empty(t, names)
	})
}

// A place is free when its lease has ended. The key has no longer life than the
// last lease.
func TestPlacesExpire(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		s, one := newService(t, p), pending.Places{PerTenant: 1, Lease: time.Minute}
		s.push("a", "1", 1)
		s.push("a", "2", 1)
		names, look := s.takeWithPlaces(10, one)
		require.Equal(t, []string{"a 1"}, names)
		key := pending.PlacesKey(s.key, "a")
		require.Positive(t, s.do("PTTL", key))
		require.LessOrEqual(t, s.do("PTTL", key), one.Lease.Milliseconds())
		names, _ = s.takeWithPlaces(10, one)
		require.Empty(t, names)

		require.EqualValues(t, 1, s.do("ZADD", key, "CH", "1000", look.Places[0])) // a lease that has ended
		s.makeReady("a", "2")
		names, _ = s.takeWithPlaces(10, one)
		require.Equal(t, []string{"a 2"}, names)
		require.EqualValues(t, 1, s.do("ZCARD", key))
		require.ErrorIs(t, s.Hold(ctx, "Hold", "a", look.Places[0], one), fault.ErrLeaseLost)
		require.NoError(t, s.Forget(ctx, "Forget", "a"))
		require.Zero(t, s.do("EXISTS", key))
	})
}
