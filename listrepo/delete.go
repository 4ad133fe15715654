package listrepo

import (
	"context"
	_ "embed"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/delete.lua
	deleteSource string

	deleteScript = store.NewScript(pending.ScheduleSource+sharedSource+deleteSource, store.Flag)
)

// Delete removes queues with their claims and dead letters, and returns how
// many of the queues had items in the list. Claims on them are lost.
//
// Delete sends UNLINK for all queues in one round trip, and then for each
// queue a script that removes the keys beside it, and another one for every
// hundred claims. It is not atomic. If it fails after the first round trip,
// the error reports MaybeApplied, and a second Delete removes what is left.
//
// If the repository has the option [IfAbsent], Delete returns
// [ErrUnsupported].
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
			err = r.core.deleteBeside(ctx, t)
		}
		if err != nil {
			t.Write = true
			return n, partly(t, err)
		}
	}
	return n, nil
}

// deleteBeside removes the keys beside a queue, and the queue from the
// schedule.
func (q *queue) deleteBeside(ctx context.Context, t fault.Target) error {
	_, _, tail := claimKeys(t, "")
	keys := []string{beside(t, queuekey.Due), beside(t, queuekey.Again), beside(t, queuekey.Back), beside(t, queuekey.Dead),
		beside(t, queuekey.Order), beside(t, queuekey.Delayed), beside(t, queuekey.Age)}
	keys = append(keys, q.schedule()...)
	for more := int64(1); more > 0; {
		m, err := q.unconditional().Run(ctx, t, deleteScript, []string{tail, q.marks.Queue, q.tenant}, keys...)
		if err == nil {
			more, err = m.AsInt64()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
