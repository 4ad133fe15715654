package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// Backlog tells how far the consumers of a queue are behind.
type Backlog struct {
	Waiting int64 // items that the next claim can have: those of Len, and those whose lease lapsed
	Claimed int64 // items that somebody works on
	Dead    int64 // parked items

	// Oldest is the age of the oldest item that waits or is claimed, to about a
	// second. Where nothing tells when an item was pushed it counts from when it
	// was first claimed, or its queue noted; see Marks. 0 without items.
	Oldest time.Duration
}

var (
	//go:embed lua/backlog.lua
	backlogSource string
	//go:embed lua/delete.lua
	deleteSource string

	backlogScript = store.NewScript(clockSource+sharedSource+backlogSource, store.Tuple(store.Count, store.Count, store.Count, store.Number, store.Count)) //nolint:gocritic // a reply may hold several counts
	deleteScript  = store.NewScript(clockSource+sharedSource+deleteSource, store.Flag)
)

// Backlog counts a queue's items, those in flight and the dead letters too, and
// reports how long the oldest has waited: one script that writes nothing, and one
// more for each hundred claims after the first. Each script counts at one time.
func (r *ListRepo[T]) Backlog(ctx context.Context, id string) (Backlog, error) {
	t, err := r.core.Begin(ctx, "Backlog", id)
	if err != nil {
		return Backlog{}, err
	}
	var sum Backlog
	for from := int64(0); ; {
		page, next, err := r.core.backlog(ctx, t, from)
		if err != nil {
			return Backlog{}, err
		}
		sum.Waiting, sum.Claimed, sum.Dead = sum.Waiting+page.Waiting, sum.Claimed+page.Claimed, sum.Dead+page.Dead
		sum.Oldest = max(sum.Oldest, page.Oldest)
		if next <= from {
			return sum, nil
		}
		from = next
	}
}

// backlog counts a page of claims, and with the first page everything else. It
// returns how many claims are counted, 0 after the last page.
func (q *queue) backlog(ctx context.Context, t fault.Target, from int64) (Backlog, int64, error) {
	_, _, tail := claimKeys(t, "")
	keys := append([]string{beside(t, queuekey.Due), beside(t, queuekey.Again), beside(t, queuekey.Dead), beside(t, queuekey.Age)}, q.index()...)
	m, err := q.unconditional().Run(ctx, t, backlogScript, []string{tail, strconv.FormatInt(from, 10), q.marks.Queue}, keys...)
	if err != nil {
		return Backlog{}, 0, q.explained(ctx, t, err)
	}
	n, err := m.AsIntSlice()
	if err != nil || len(n) != 5 {
		return Backlog{}, 0, t.Failed(errors.Join(errors.New("backlog.lua answered something else than five numbers"), err))
	}
	return Backlog{n[0], n[1], n[2], time.Duration(n[3]) * time.Millisecond}, n[4], nil
}

// Delete removes queues and counts those that had items: a pipeline of UNLINK,
// and for each queue a script that removes claims and dead letters, one more for
// each 100 claims. Not atomic: if it fails after the pipeline, the error reports
// MaybeApplied, and a second Delete removes the rest. The claims on the queues are
// lost.
func (r *ListRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	n, err := r.core.Delete(ctx, ids...)
	if err != nil && n > 0 {
		return n, partly(fault.Target{Op: "Delete", Pool: r.core.Alias, Write: true}, err)
	}
	if err != nil {
		return n, err
	}
	for _, id := range ids {
		t, err := r.core.BeginWrite(ctx, "Delete", id)
		if err == nil {
			err = r.core.deleteRest(ctx, t)
		}
		if err != nil {
			t.Write = true
			return n, partly(t, err)
		}
	}
	return n, nil
}

// deleteRest removes what stands beside a queue.
func (q *queue) deleteRest(ctx context.Context, t fault.Target) error {
	_, _, tail := claimKeys(t, "")
	keys := []string{beside(t, queuekey.Due), beside(t, queuekey.Again), beside(t, queuekey.Back), beside(t, queuekey.Dead), beside(t, queuekey.Age)}
	for more := int64(1); more > 0; {
		m, err := q.unconditional().Run(ctx, t, deleteScript, []string{tail}, keys...)
		if err == nil {
			more, err = m.AsInt64()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
