package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
)

// ledger counts what was asked of records in ways that must not happen twice,
// and what the answers promised. Its invariant: of each record, what was
// acknowledged has happened once, what may have been applied once or not, and
// everything else not at all.
type ledger struct {
	kinds   []counter
	ids     []string
	entries [][]entry
	reads   []func(ctx context.Context, id string) error
	slowest atomic.Int64 // ns past the deadline
	calls   atomic.Int64
	failed  atomic.Int64

	mu     sync.Mutex
	errors map[string]int // by what they say
}

// counter is one way to add 1 to a record, and to look at it.
type counter struct {
	name string
	add  func(ctx context.Context, id string) error
	read func(ctx context.Context, id string) (int64, error)
}

type entry struct{ acked, maybe, refused atomic.Int64 }

type tally struct {
	Count int64 `redis:"count"`
	Marks []int `redis:"marks"`
	Stamp int64 `redis:"stamp,version"`
}

type plainTally struct {
	Count int64 `redis:"count"`
	Marks []int `redis:"marks"`
}

var (
	tallyCount = hashrepo.NumberOf(func(t *plainTally) *int64 { return &t.Count })
	tallyMarks = hashrepo.ListOf(func(t *plainTally) *[]int { return &t.Marks })
)

func newLedger(t *testing.T, p *pool.Pools) *ledger {
	t.Helper()
	l := &ledger{errors: map[string]int{}}
	for i := range 12 {
		l.ids = append(l.ids, fmt.Sprint("r", i))
	}
	users, err := symphony.NewUser[plainTally](p, "ledger")
	require.NoError(t, err)
	states, err := symphony.NewStateHandler[plainTally](p, "ledger", "chat")
	require.NoError(t, err)
	rows, err := symphony.NewTable[tally](p, "ledger", "orders")
	require.NoError(t, err)
	plain, err := symphony.NewTable[plainTally](p, "ledger", "plain")
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "ledger", "u1")
	require.NoError(t, err)
	state, err := symphony.StateOf[plainTally](shared)
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](p, "ledger")
	require.NoError(t, err)
	generic, err := symphony.NewGeneric[int64](p, "ledger")
	require.NoError(t, err)
	at := func(id string) symphony.Queue { return symphony.Queue{Service: id, Entity: "e", Action: "a"} }
	count := func(repo interface {
		Get(context.Context, string) (plainTally, error)
	}) func(context.Context, string) (int64, error) {
		return func(ctx context.Context, id string) (int64, error) {
			v, err := repo.Get(ctx, id)
			return v.Count, err
		}
	}
	l.kinds = []counter{
		{"Update", func(ctx context.Context, id string) error { return users.Update(ctx, id, tallyCount.Add(1)) }, count(users)},
		{"Merge", func(ctx context.Context, id string) error {
			_, err := states.Merge(ctx, id, tallyCount.Add(1))
			return err
		}, count(states)},
		{"IncrementField", func(ctx context.Context, id string) error {
			_, err := state.IncrementField(ctx, id, "count", 1)
			return err
		}, count(state)},
		{"Append", func(ctx context.Context, id string) error { return plain.Update(ctx, id, tallyMarks.Append(1)) },
			func(ctx context.Context, id string) (int64, error) {
				v, err := plain.Get(ctx, id)
				return int64(len(v.Marks)), err
			}},
		{"Upsert with a version", func(ctx context.Context, id string) error {
			v, err := rows.Get(ctx, id)
			if err != nil && !errors.Is(err, symphony.ErrNotFound) {
				return err
			}
			v.Count++
			return rows.Upsert(ctx, id, v)
		}, func(ctx context.Context, id string) (int64, error) {
			v, err := rows.Get(ctx, id)
			return v.Count, err
		}},
		{"Mutate", func(ctx context.Context, id string) error {
			_, err := generic.Mutate(ctx, id, func(n *int64) error { *n++; return nil })
			return err
		}, generic.Get},
		{"Enqueue", func(ctx context.Context, id string) error { _, err := batch.Enqueue(ctx, at(id), 1); return err },
			func(ctx context.Context, id string) (int64, error) { return batch.Len(ctx, at(id)) }},
	}
	l.reads = []func(context.Context, string) error{
		func(ctx context.Context, id string) error { _, err := users.GetMany(ctx, l.ids...); return err },
		func(ctx context.Context, id string) error { _, err := generic.GetMany(ctx, l.ids...); return err },
		func(ctx context.Context, id string) error { _, err := shared.Get(ctx, id); return ignoreMissing(err) },
		func(ctx context.Context, id string) error {
			for _, err := range users.All(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for range l.kinds {
		l.entries = append(l.entries, make([]entry, len(l.ids)))
	}
	return l
}

func ignoreMissing(err error) error {
	if errors.Is(err, symphony.ErrNotFound) {
		return nil
	}
	return err
}

// run has callers add and read until stop is closed, each call with a deadline.
func (l *ledger) run(t *testing.T, callers int, deadline time.Duration) (stop func()) {
	t.Helper()
	running, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for running.Err() == nil {
				l.call(t, deadline)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func (l *ledger) call(t *testing.T, deadline time.Duration) {
	kind, id := rand.N(len(l.kinds)+1), rand.N(len(l.ids))
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	begun := time.Now()
	var err error
	if kind == len(l.kinds) {
		err = l.reads[rand.N(len(l.reads))](ctx, l.ids[id])
	} else {
		err = l.kinds[kind].add(ctx, l.ids[id])
		l.entries[kind][id].note(err)
	}
	late := int64(time.Since(begun) - deadline)
	for slowest := l.slowest.Load(); late > slowest && !l.slowest.CompareAndSwap(slowest, late); slowest = l.slowest.Load() {
		continue
	}
	l.calls.Add(1)
	if err == nil {
		return
	}
	l.failed.Add(1)
	var op *symphony.OpError
	if !errors.As(err, &op) {
		t.Errorf("an error without a type: %T %v", err, err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors[op.Op+": "+op.Err.Error()]++
}

func (e *entry) note(err error) {
	var op *symphony.OpError
	switch {
	case err == nil:
		e.acked.Add(1)
	case errors.As(err, &op) && op.MaybeApplied():
		e.maybe.Add(1)
	default:
		e.refused.Add(1)
	}
}

// acked is how many of each record were acknowledged so far.
func (l *ledger) acked() (all [][]int64) {
	for kind := range l.kinds {
		now := make([]int64, len(l.ids))
		for id := range l.ids {
			now[id] = l.entries[kind][id].acked.Load()
		}
		all = append(all, now)
	}
	return all
}

func (l *ledger) total() (n int64) {
	for _, kind := range l.acked() {
		for _, acked := range kind {
			n += acked
		}
	}
	return n
}

// await waits until n more are acknowledged, and fails after a minute without.
func (l *ledger) await(t *testing.T, n int64) {
	t.Helper()
	want, last, at := l.total()+n, l.total(), time.Now()
	for ; l.total() < want; time.Sleep(time.Millisecond) {
		if now := l.total(); now > last {
			last, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "nothing is acknowledged any more")
	}
}

// check reads every record. At least what least says must have happened to it.
func (l *ledger) check(t *testing.T, least [][]int64) {
	t.Helper()
	for k, kind := range l.kinds {
		for i, id := range l.ids {
			n, err := kind.read(ctx, id)
			require.NoError(t, ignoreMissing(err))
			e := &l.entries[k][i]
			require.GreaterOrEqual(t, n, least[k][i], "%s %s: an acknowledged write is lost", kind.name, id)
			require.LessOrEqual(t, n, e.acked.Load()+e.maybe.Load(),
				"%s %s: a write happened twice, or though MaybeApplied denies it: %d acknowledged, %d maybe, %d refused",
				kind.name, id, e.acked.Load(), e.maybe.Load(), e.refused.Load())
		}
	}
	require.Less(t, time.Duration(l.slowest.Load()), 5*time.Second, "a call hung past its deadline")
	t.Logf("%d calls, %d failed, at worst %v after the deadline", l.calls.Load(), l.failed.Load(), max(0, time.Duration(l.slowest.Load())))
}
