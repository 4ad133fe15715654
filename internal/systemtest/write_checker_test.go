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

// writeChecker runs writes that must not be applied twice, and compares the
// records with the outcomes that the calls reported. Its invariant: each
// acknowledged write was applied exactly once, each write with MaybeApplied at
// most once, and no other write at all.
type writeChecker struct {
	writes         []countedWrite
	ids            []string
	outcomes       [][]writeOutcomes // by the index of the write and of the id
	reads          []func(ctx context.Context, id string) error
	longestOverrun atomic.Int64 // nanoseconds past the deadline
	calls          atomic.Int64
	failed         atomic.Int64

	mu     sync.Mutex
	errors map[string]int // by operation and text
}

// countedWrite is a write that adds 1 to a record, and a read of the sum.
type countedWrite struct {
	name  string
	add   func(ctx context.Context, id string) error
	count func(ctx context.Context, id string) (int64, error)
}

// writeOutcomes counts the results of one kind of write to one record.
type writeOutcomes struct{ acknowledged, maybeApplied, notApplied atomic.Int64 }

type versionedCounter struct {
	Count int64 `redis:"count"`
	Marks []int `redis:"marks"`
	Stamp int64 `redis:"stamp,version"`
}

type counter struct {
	Count int64 `redis:"count"`
	Marks []int `redis:"marks"`
}

var (
	countField = hashrepo.NumberOf(func(t *counter) *int64 { return &t.Count })
	marksField = hashrepo.ListOf(func(t *counter) *[]int { return &t.Marks })
)

func newWriteChecker(t *testing.T, p *pool.Pools) *writeChecker {
	t.Helper()
	w := &writeChecker{errors: map[string]int{}}
	for i := range 12 {
		w.ids = append(w.ids, fmt.Sprint("r", i))
	}
	users, err := symphony.NewUser[counter](p, "writes")
	require.NoError(t, err)
	states, err := symphony.NewStateHandler[counter](p, "writes", "chat")
	require.NoError(t, err)
	rows, err := symphony.NewTable[versionedCounter](p, "writes", "orders")
	require.NoError(t, err)
	plain, err := symphony.NewTable[counter](p, "writes", "plain")
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "writes", "u1")
	require.NoError(t, err)
	state, err := symphony.StateOf[counter](shared)
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](p, "writes")
	require.NoError(t, err)
	generic, err := symphony.NewGeneric[int64](p, "writes")
	require.NoError(t, err)
	queueOf := func(id string) symphony.Queue { return symphony.Queue{Service: id, Entity: "e", Action: "a"} }
	count := func(repo interface {
		Get(context.Context, string) (counter, error)
	}) func(context.Context, string) (int64, error) {
		return func(ctx context.Context, id string) (int64, error) {
			v, err := repo.Get(ctx, id)
			return v.Count, err
		}
	}
	w.writes = []countedWrite{
		{"Update", func(ctx context.Context, id string) error { return users.Update(ctx, id, countField.Add(1)) }, count(users)},
		{"Merge", func(ctx context.Context, id string) error {
			_, err := states.Merge(ctx, id, countField.Add(1))
			return err
		}, count(states)},
		{"IncrementField", func(ctx context.Context, id string) error {
			_, err := state.IncrementField(ctx, id, "count", 1)
			return err
		}, count(state)},
		{"Append", func(ctx context.Context, id string) error { return plain.Update(ctx, id, marksField.Append(1)) },
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
		{"Enqueue", func(ctx context.Context, id string) error { _, err := batch.Enqueue(ctx, queueOf(id), 1); return err },
			func(ctx context.Context, id string) (int64, error) { return batch.Len(ctx, queueOf(id)) }},
	}
	w.reads = []func(context.Context, string) error{
		func(ctx context.Context, id string) error { _, err := users.GetMany(ctx, w.ids...); return err },
		func(ctx context.Context, id string) error { _, err := generic.GetMany(ctx, w.ids...); return err },
		func(ctx context.Context, id string) error { _, err := shared.Get(ctx, id); return ignoreNotFound(err) },
		func(ctx context.Context, id string) error {
			for _, err := range users.All(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for range w.writes {
		w.outcomes = append(w.outcomes, make([]writeOutcomes, len(w.ids)))
	}
	return w
}

// ignoreNotFound returns nil if err is ErrNotFound, and err otherwise.
func ignoreNotFound(err error) error {
	if errors.Is(err, symphony.ErrNotFound) {
		return nil
	}
	return err
}

// start runs callers that write and read until stop is called. Each call has
// the deadline.
func (w *writeChecker) start(t *testing.T, callers int, deadline time.Duration) (stop func()) {
	t.Helper()
	running, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for running.Err() == nil {
				w.callOnce(t, deadline)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// callOnce makes a random write or read and records its outcome.
func (w *writeChecker) callOnce(t *testing.T, deadline time.Duration) {
	write, id := rand.N(len(w.writes)+1), rand.N(len(w.ids))
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	begun := time.Now()
	var err error
	if write == len(w.writes) {
		err = w.reads[rand.N(len(w.reads))](ctx, w.ids[id])
	} else {
		err = w.writes[write].add(ctx, w.ids[id])
		w.outcomes[write][id].record(err)
	}
	overrun := int64(time.Since(begun) - deadline)
	for longest := w.longestOverrun.Load(); overrun > longest && !w.longestOverrun.CompareAndSwap(longest, overrun); longest = w.longestOverrun.Load() {
		continue
	}
	w.calls.Add(1)
	if err == nil {
		return
	}
	w.failed.Add(1)
	var op *symphony.OpError
	if !errors.As(err, &op) {
		t.Errorf("the error is not an *OpError: %T %v", err, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errors[op.Op+": "+op.Err.Error()]++
}

func (o *writeOutcomes) record(err error) {
	var op *symphony.OpError
	switch {
	case err == nil:
		o.acknowledged.Add(1)
	case errors.As(err, &op) && op.MaybeApplied():
		o.maybeApplied.Add(1)
	default:
		o.notApplied.Add(1)
	}
}

// acknowledged returns how many writes to each record were acknowledged so
// far.
func (w *writeChecker) acknowledged() (all [][]int64) {
	for kind := range w.writes {
		now := make([]int64, len(w.ids))
		for id := range w.ids {
			now[id] = w.outcomes[kind][id].acknowledged.Load()
		}
		all = append(all, now)
	}
	return all
}

func (w *writeChecker) acknowledgedTotal() (n int64) {
	for _, kind := range w.acknowledged() {
		for _, acked := range kind {
			n += acked
		}
	}
	return n
}

// waitForWrites waits until n more writes are acknowledged. It fails if none
// is acknowledged for a minute.
func (w *writeChecker) waitForWrites(t *testing.T, n int64) {
	t.Helper()
	want, last, at := w.acknowledgedTotal()+n, w.acknowledgedTotal(), time.Now()
	for ; w.acknowledgedTotal() < want; time.Sleep(time.Millisecond) {
		if now := w.acknowledgedTotal(); now > last {
			last, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "no write was acknowledged for a minute")
	}
}

// requireExactCounts reads every record and compares its count with the
// outcomes. The count is at least the minimum and at most the writes that were
// or may have been applied.
func (w *writeChecker) requireExactCounts(t *testing.T, minimum [][]int64) {
	t.Helper()
	for k, write := range w.writes {
		for i, id := range w.ids {
			n, err := write.count(ctx, id)
			require.NoError(t, ignoreNotFound(err))
			outcomes := &w.outcomes[k][i]
			require.GreaterOrEqual(t, n, minimum[k][i], "%s %s: an acknowledged write is lost", write.name, id)
			require.LessOrEqual(t, n, outcomes.acknowledged.Load()+outcomes.maybeApplied.Load(),
				"%s %s: a write was applied twice, or was applied although MaybeApplied is false: %d acknowledged, %d maybe applied, %d not applied",
				write.name, id, outcomes.acknowledged.Load(), outcomes.maybeApplied.Load(), outcomes.notApplied.Load())
		}
	}
	require.Less(t, time.Duration(w.longestOverrun.Load()), 5*time.Second, "a call returned too long after its deadline")
	t.Logf("%d calls, %d failed, the latest returned %v after its deadline", w.calls.Load(), w.failed.Load(), max(0, time.Duration(w.longestOverrun.Load())))
}
