package contest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/bench/results"
)

// Callers never share a record at the same time, as long as there is one for
// each, and go over all of theirs.
func TestPlaces(t *testing.T) {
	for _, test := range []struct{ callers, records int }{{1, 100}, {64, 1000}, {512, 1000}, {100, 100}} {
		owner := map[int]int{}
		for c := range test.callers {
			for call := range 2 * test.records / test.callers {
				i := Place{c, test.callers, call}.Of(test.records)
				if before, taken := owner[i]; i >= test.records || taken && before != c {
					t.Fatalf("record %d of %+v is of %d and %d", i, test, before, c)
				}
				owner[i] = c
			}
		}
		require.GreaterOrEqual(t, len(owner), test.records-test.callers+1)
	}
}

func TestCalls(t *testing.T) {
	var mu sync.Mutex
	contexts, calls := map[context.Context]int{}, 0
	turn := Calls(ContextsOf["deadline"], func(ctx context.Context, p Place) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		contexts[ctx]++
		_, has := ctx.Deadline()
		require.True(t, has)
		require.Less(t, p.Caller, 4)
		return nil
	})
	took, err := turn(t.Context(), 4, 100)
	require.NoError(t, err)
	require.Positive(t, took)
	require.Equal(t, 100, calls)
	require.Len(t, contexts, 4, "each caller has one of its own")

	broken := errors.New("broken")
	_, err = Calls(ContextsOf["cancel"], func(context.Context, Place) error { return broken })(t.Context(), 4, 8)
	require.ErrorIs(t, err, broken)
}

// A call that hangs, with a context that never ends, does not hold the run up.
func TestCanceledTurn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	_, err := Calls(ContextsOf["background"], func(context.Context, Place) error {
		cancel()
		<-hang
		return nil
	})(ctx, 2, 2)
	require.ErrorIs(t, err, context.Canceled)
}

// Every round has one turn of each contestant, and each turn is long enough.
func TestMeter(t *testing.T) {
	var turns [2]atomic.Int64
	one := func(i int, name string) Contestant {
		return Contestant{
			Name: name, How: "by hand",
			Turn: func(_ context.Context, callers, n int) (time.Duration, error) {
				require.GreaterOrEqual(t, n, 50)
				require.GreaterOrEqual(t, n, callers)
				turns[i].Add(1)
				return time.Duration(n) * time.Duration(i+1) * time.Microsecond, nil
			},
			Stale: func(_ context.Context, pairs int) (results.Stale, error) {
				return results.Stale{Own: results.Share{Of: pairs}}, nil
			},
		}
	}
	c := Contest{Name: "Get", Baseline: "b", Least: 50, Contestants: []Contestant{one(0, "a"), one(1, "b")}}
	var told []int
	m := Meter{Rounds: 5, Turn: 10 * time.Millisecond, Round: func(i, _ int) { told = append(told, i) }}
	rows, err := m.Run(t.Context(), c, 8)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3, 4}, told)
	require.Len(t, rows, 2)
	for i, r := range rows {
		require.Equal(t, []string{"a", "b"}[i], r.Contestant)
		require.Len(t, r.Samples, 5)
		require.InDelta(t, 1000*(i+1), r.Samples[0].Nanoseconds, 1)
		require.Positive(t, r.Stale.Own.Of)
	}
	require.InDelta(t, 2, results.QuartilesOf(rows[0].Against(rows[1])).Median, 1e-3)

	broken := errors.New("broken")
	c.Contestants[1].Turn = func(context.Context, int, int) (time.Duration, error) { return 0, broken }
	_, err = m.Run(t.Context(), c, 8)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "Get, b: ")
}

func TestSummary(t *testing.T) {
	require.Equal(t, "MULTI, 2 HSET, EXEC", Summary([]string{"MULTI", "HSET", "HSET", "EXEC"}, 1))
	require.Equal(t, "HMGET", Summary([]string{"HMGET", "HMGET", "HMGET"}, 3))
	require.Equal(t, "0.33 SCAN, 2 HGET", Summary([]string{"SCAN", "HGET", "HGET", "HGET", "HGET", "HGET", "HGET"}, 3))
	require.Equal(t, "none", Summary(nil, 3))
}
