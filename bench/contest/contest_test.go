package contest

import (
	"context"
	"errors"
	"runtime"
	"strings"
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
	contexts, callers, calls := map[context.Context]int{}, map[string]bool{}, 0
	turn := Calls(ContextsOf["deadline"], func(ctx context.Context, p Place) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		contexts[ctx]++
		callers[goroutine()] = true
		_, has := ctx.Deadline()
		require.True(t, has)
		require.Less(t, p.Caller, 4)
		return nil
	})
	crew := NewCrew(4)
	defer crew.End()
	for i := range 3 {
		took, err := turn(t.Context(), crew, 100)
		require.NoError(t, err)
		require.Positive(t, took)
		require.Equal(t, 100*(i+1), calls)
		require.Len(t, contexts, 4*(i+1), "each caller has one of its own in each turn")
	}
	require.Len(t, callers, 4, "the goroutines are kept over the turns")

	broken := errors.New("broken")
	_, err := Calls(ContextsOf["cancel"], func(context.Context, Place) error { return broken })(t.Context(), crew, 8)
	require.ErrorIs(t, err, broken)
	_, err = turn(t.Context(), crew, 4)
	require.NoError(t, err, "a crew goes on after an error")
}

// goroutine returns the name of the calling goroutine.
func goroutine() string {
	text := make([]byte, 100)
	name, _, _ := strings.Cut(string(text[:runtime.Stack(text, false)]), "[")
	return name
}

// No caller begins before all are ready, and the time ends with the last one.
func TestGate(t *testing.T) {
	var ready, early atomic.Int64
	contexts := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ready.Add(1)
		return ctx, func() {}
	}
	last := make(chan time.Time, 1)
	turn := Calls(contexts, func(_ context.Context, p Place) error {
		if ready.Load() < 8 {
			early.Add(1)
		}
		if p.Caller == 7 {
			for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
				runtime.Gosched()
			}
			last <- time.Now()
		}
		return nil
	})
	crew := NewCrew(8)
	defer crew.End()
	took, err := turn(t.Context(), crew, 8)
	require.NoError(t, err)
	require.Zero(t, early.Load())
	require.GreaterOrEqual(t, took, time.Millisecond)
	<-last
}

// A call that hangs, with a context that never ends, does not hold the run up.
func TestCanceledTurn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	crew := NewCrew(2)
	defer crew.End()
	turn := Calls(ContextsOf["background"], func(context.Context, Place) error {
		cancel()
		<-hang
		return nil
	})
	for range 3 {
		_, err := turn(ctx, crew, 2)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Every round has one turn of each contestant, and each turn is long enough.
// What prepares a turn is in none of its figures.
func TestMeter(t *testing.T) {
	var turns [2]atomic.Int64
	used := Usage{Commands: map[string]time.Duration{}}
	use := func(d time.Duration) {
		used.Processor += 2 * d
		used.Commands = map[string]time.Duration{"hmget": used.Commands["hmget"] + d, "set": used.Commands["set"] + 5*d}
	}
	var callers sync.Map
	one := func(i int, name string) Contestant {
		return Contestant{
			Name: name, How: "by hand", Wire: results.Wire{Commands: "HMGET"},
			Prepare: func(_ context.Context, n int) error {
				use(time.Hour)
				return nil
			},
			Turn: func(_ context.Context, crew *Crew, n int) (time.Duration, error) {
				require.GreaterOrEqual(t, n, 50)
				callers.Store(crew, crew.Size())
				if crew.Size() == 8 {
					require.Zero(t, n%8, "the callers share the work evenly")
				}
				turns[i].Add(1)
				use(time.Duration(n*(i+1)) * time.Microsecond)
				return time.Duration(n) * time.Duration(i+1) * time.Microsecond, nil
			},
			Stale: func(_ context.Context, pairs int) (results.Stale, error) {
				return results.Stale{Own: results.Share{Of: pairs}}, nil
			},
		}
	}
	c := Contest{Name: "Get", Baseline: "b", Least: 50, Contestants: []Contestant{one(0, "a"), one(1, "b")}}
	var told []int
	m := Meter{
		Rounds: 5, Turn: 10 * time.Millisecond, Round: func(i, _ int) { told = append(told, i) },
		Server: func(context.Context) (Usage, error) { return used, nil },
	}
	rows, err := m.Run(t.Context(), c, 8)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3, 4}, told)
	require.Len(t, rows, 2)
	for i, r := range rows {
		require.Equal(t, []string{"a", "b"}[i], r.Contestant)
		require.Len(t, r.Samples, 5)
		require.InDelta(t, 1000*(i+1), r.Samples[0].Nanoseconds, 1)
		require.InDelta(t, 2000*(i+1), r.Samples[0].Server, 1)
		require.InDelta(t, 1000*(i+1), r.Samples[0].Commands, 1, "of the commands that the client sends")
		require.Positive(t, r.Stale.Own.Of)
	}
	require.InDelta(t, 2, results.QuartilesOf(rows[0].Against(rows[1])).Median, 1e-3)
	sizes := map[int]int{}
	callers.Range(func(_, size any) bool {
		sizes[size.(int)]++
		return true
	})
	require.Equal(t, map[int]int{8: 2, 64: 2}, sizes, "a contestant has one crew, and a crowd before")

	broken := errors.New("broken")
	c.Contestants[1].Turn = func(context.Context, *Crew, int) (time.Duration, error) { return 0, broken }
	_, err = m.Run(t.Context(), c, 8)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "Get, b: ")
}

// Before the first measured turn, calls overlap, however long they take and
// even if one caller is measured.
func TestOverlap(t *testing.T) {
	for took, callers := range map[time.Duration]int{time.Microsecond: 64, time.Second: 2} {
		most := 0
		c := Contest{Contestants: []Contestant{{Turn: func(_ context.Context, crew *Crew, n int) (time.Duration, error) {
			most = max(most, min(n, crew.Size()))
			return took * time.Duration(n), nil
		}}}}
		_, err := Meter{Turn: 10 * time.Millisecond}.Run(t.Context(), c, 1)
		require.NoError(t, err)
		require.Equal(t, callers, most, took)
	}
}

func TestUsage(t *testing.T) {
	u, err := readUsage("# CPU\r\nused_cpu_sys:1.250000\r\nused_cpu_user:2.500000\r\nused_cpu_user_children:7.0\r\n\r\n# Commandstats\r\n" +
		"cmdstat_hmget:calls=3,usec=40,usec_per_call=13.33,rejected_calls=0,failed_calls=0\r\ncmdstat_exec:calls=1,usec=5\r\n")
	require.NoError(t, err)
	require.Equal(t, Usage{3750 * time.Millisecond, map[string]time.Duration{"hmget": 40 * time.Microsecond, "exec": 5 * time.Microsecond}}, u)
	processor, inside := u.since(Usage{time.Second, map[string]time.Duration{"hmget": 10 * time.Microsecond}}, []string{"hmget", "exec"})
	require.InDelta(t, 2.75e9, processor, 1)
	require.InDelta(t, 35e3, inside, 1)
	_, err = readUsage("cmdstat_hmget:calls=3")
	require.ErrorContains(t, err, "unexpected line of INFO")
}

// The time of EXEC includes that of the commands of the transaction.
func TestOutermost(t *testing.T) {
	require.Equal(t, []string{"exec"}, outermost("MULTI, HSET, EVAL, EXEC"))
	require.Equal(t, []string{"scan", "hmget"}, outermost("4 SCAN, 1010 HMGET"))
}

func TestSummary(t *testing.T) {
	require.Equal(t, "MULTI, 2 HSET, EXEC", Summary([]string{"MULTI", "HSET", "HSET", "EXEC"}, 1))
	require.Equal(t, "HMGET", Summary([]string{"HMGET", "HMGET", "HMGET"}, 3))
	require.Equal(t, "0.33 SCAN, 2 HGET", Summary([]string{"SCAN", "HGET", "HGET", "HGET", "HGET", "HGET", "HGET"}, 3))
	require.Equal(t, "none", Summary(nil, 3))
}
