package symphony_test

import (
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func newLimiter(t testing.TB, p *pool.Pools, rate symphony.Rate, opts ...symphony.Option) *symphony.Limiter {
	t.Helper()
	l, err := symphony.NewLimiter(p, "acme", rate, opts...)
	require.NoError(t, err)
	return l
}

func TestLimiter(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		l := newLimiter(t, p, symphony.Rate{Limit: 10, Per: time.Hour, Burst: 30})
		_, err := l.Take(ctx, "gpt", 25)
		require.NoError(t, err)
		g, err := l.Take(ctx, "gpt", 5)
		require.NoError(t, err)
		require.EqualValues(t, 5, g.Units)

		_, err = l.Take(ctx, "gpt", 10)
		var limit *symphony.LimitError
		require.ErrorAs(t, err, &limit)
		require.ErrorIs(t, err, symphony.ErrLimited)
		require.Equal(t, "gpt", limit.Name)
		require.LessOrEqual(t, limit.RetryAfter, time.Hour)
		require.Greater(t, limit.RetryAfter, 50*time.Minute)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.False(t, op.MaybeApplied())

		_, err = l.Take(ctx, "mail", 30)
		require.NoError(t, err, "another bucket")
		other, err := symphony.NewLimiter(p, "globex", symphony.Rate{Limit: 10, Per: time.Hour, Burst: 30})
		require.NoError(t, err)
		_, err = other.Take(ctx, "gpt", 30)
		require.NoError(t, err, "another tenant")

		require.NoError(t, l.Settle(ctx, g, 1))
		_, err = l.Take(ctx, "gpt", 4)
		require.NoError(t, err, "what was put back")
		_, err = l.Take(ctx, "gpt", 1)
		require.ErrorIs(t, err, symphony.ErrLimited)

		require.NoError(t, other.Settle(ctx, g, 25), "more than the grant")
		_, err = other.Take(ctx, "gpt", 1)
		require.ErrorAs(t, err, &limit)
		require.Greater(t, limit.RetryAfter, 110*time.Minute, "the debt comes first")
	})
}

// No number of processes takes more than the burst and what the time adds.
func TestLimiterOfManyCallers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		l := newLimiter(t, p, symphony.Rate{Limit: 1, Per: time.Hour, Burst: 20})
		var taken atomic.Int64
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				for range 10 {
					if _, err := l.Take(ctx, "gpt", 1); err == nil {
						taken.Add(1)
					}
				}
			})
		}
		callers.Wait()
		require.EqualValues(t, 20, taken.Load())
	})
}

func TestLimiterRefusesArguments(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, rate := range []symphony.Rate{
		{}, {Limit: 1}, {Limit: -1, Per: time.Second}, {Limit: 1, Per: 60}, {Limit: 1, Per: time.Microsecond}, {Limit: 1, Per: time.Second, Burst: -1},
		{Limit: 1 << 62, Per: time.Second}, {Limit: 1, Per: 24 * time.Hour, Burst: 1 << 40},
	} {
		_, err := symphony.NewLimiter(p, "acme", rate)
		require.ErrorIs(t, err, symphony.ErrInvalidArgument, "%+v", rate)
	}
	_, err := symphony.NewLimiter(p, "", symphony.Rate{Limit: 1, Per: time.Second})
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewLimiter(p, "acme", symphony.Rate{Limit: 1, Per: time.Second}, symphony.TTL(time.Hour))
	require.ErrorIs(t, err, symphony.ErrUnsupported)

	l := newLimiter(t, p, symphony.Rate{Limit: 5, Per: time.Second})
	for _, n := range []int64{0, -1, 6} {
		_, err := l.Take(ctx, "gpt", n)
		require.ErrorIs(t, err, symphony.ErrInvalidArgument, "%d", n)
	}
	g, err := l.Take(ctx, "gpt", 5)
	require.NoError(t, err)
	require.ErrorIs(t, l.Settle(ctx, g, -1), symphony.ErrInvalidArgument)
	require.ErrorIs(t, l.Settle(ctx, g, 1<<62), symphony.ErrInvalidArgument)
	require.ErrorIs(t, l.Settle(ctx, symphony.Grant{Name: "gpt", Units: 5}, 1), symphony.ErrInvalidArgument)
	_, err = l.Take(ctx, "", 1)
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = l.With(symphony.IfAbsent()).Take(ctx, "gpt", 1)
	require.ErrorIs(t, err, symphony.ErrUnsupported)
}

// What other programs put into the key is an error, and stays as it is.
func TestLimiterOfForeignKey(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		l := newLimiter(t, p, symphony.Rate{Limit: 5, Per: time.Second})
		g, err := l.Take(ctx, "a", 1)
		require.NoError(t, err)
		key := "acme:limit:gpt"
		g.Name = "gpt"
		for _, text := range []string{"", "1", "1 x", "x 1", "1 nan", "nan 1", "1 1e999x", "-1 1", "1  1"} {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key, text).Error())
			_, err := l.Take(ctx, "gpt", 1)
			require.ErrorIs(t, err, symphony.ErrWrongType, "%q", text)
			require.ErrorIs(t, l.Settle(ctx, g, 3), symphony.ErrWrongType, "%q", text)
			got, err := pooltest.Do(t, p, pool.Handlers, "GET", key).ToString()
			require.NoError(t, err)
			require.Equal(t, text, got)
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", key).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", key, "x", "y").Error())
		_, err = l.Take(ctx, "gpt", 1)
		require.ErrorIs(t, err, symphony.ErrWrongType)
	})
}

// The limiter grants what exact arithmetic grants, and refuses the rest.
func TestLimiterIsExact(t *testing.T) {
	p, clock := embedded.New(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		rate := symphony.Rate{
			Limit: rapid.Int64Range(1, 1000).Draw(t, "limit"),
			Per:   time.Duration(rapid.Int64Range(1, 100_000).Draw(t, "per")) * time.Millisecond,
			Burst: rapid.Int64Range(1, 2000).Draw(t, "burst"),
		}
		l, err := symphony.NewLimiter(p, "acme", rate)
		require.NoError(t, err)
		name := big.NewInt(int64(n)).String()
		worth := func(units int64) *big.Rat { return big.NewRat(units*rate.Per.Microseconds(), rate.Limit) }
		ahead := new(big.Rat) // the microseconds until the bucket is full
		var grants []symphony.Grant
		stale := 0 // of the first grants, how many are from before the bucket was full
		pass := func(d time.Duration) {
			ahead.Sub(ahead, big.NewRat(d.Microseconds(), 1))
			if ahead.Sign() <= 0 {
				ahead, stale = new(big.Rat), len(grants)
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"take", "take", "take", "settle", "wait"}).Draw(t, "step") {
			case "take":
				units := rapid.Int64Range(1, rate.Burst).Draw(t, "units")
				after := new(big.Rat).Add(ahead, worth(units))
				wait := new(big.Rat).Sub(after, worth(rate.Burst))
				g, err := l.Take(t.Context(), name, units)
				if wait.Sign() <= 0 {
					require.NoError(t, err, "%v too many", wait)
					ahead = after
					grants = append(grants, g)
					continue
				}
				var limit *symphony.LimitError
				require.ErrorAs(t, err, &limit)
				exact, _ := wait.Float64()
				require.InDelta(t, exact, limit.RetryAfter.Microseconds(), 1.01)
				if rapid.Bool().Draw(t, "wait for it") {
					clock.Advance(limit.RetryAfter)
					pass(limit.RetryAfter)
				}
			case "settle":
				if len(grants) == 0 {
					continue
				}
				g := grants[0]
				grants = grants[1:]
				actual := rapid.Int64Range(0, 2*g.Units).Draw(t, "actual")
				require.NoError(t, l.Settle(t.Context(), g, actual))
				if stale == 0 || actual > g.Units {
					ahead.Add(ahead, worth(actual-g.Units))
				}
				stale = max(0, stale-1)
				pass(0)
			case "wait":
				d := time.Duration(rapid.Int64Range(1, 1+rate.Per.Microseconds()).Draw(t, "wait")) * time.Microsecond
				clock.Advance(d)
				pass(d)
			}
		}
	})
}
