package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/symphony-go/symphony/internal/registry"
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

	backlogScript = store.NewScript(clockSource + claimsSource + backlogSource)
	deleteScript  = store.NewScript(clockSource + claimsSource + deleteSource)
)

// Backlog counts a queue's items, the claimed and the parked ones too, and tells
// how long the oldest has waited: one script that writes nothing.
func (r *ListRepo[T]) Backlog(ctx context.Context, id string) (Backlog, error) {
	q := r.core
	t, err := q.Begin(ctx, "Backlog", id)
	if err != nil {
		return Backlog{}, err
	}
	_, _, tail := claimKeys(t, "")
	keys := append([]string{beside(t, registry.Due), beside(t, registry.Again), beside(t, registry.Dead), beside(t, registry.Age)}, q.index()...)
	m, err := q.unconditional().Run(ctx, t, backlogScript, []string{tail, q.marks.Queue}, keys...)
	if err != nil {
		return Backlog{}, err
	}
	n, err := m.AsIntSlice()
	if err != nil || len(n) != 4 {
		return Backlog{}, t.Sent(errors.Join(errors.New("backlog.lua answered something else than four numbers"), err))
	}
	return Backlog{n[0], n[1], n[2], time.Duration(n[3]) * time.Millisecond}, nil
}

// Delete removes queues and counts those that had items: a pipeline of UNLINK,
// and a script for each that removes what is claimed and parked. Not atomic.
// The claims on them are lost then.
func (r *ListRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	q := r.core
	n, err := q.Delete(ctx, ids...)
	if err != nil {
		return n, err
	}
	for _, id := range ids {
		t, err := q.BeginWrite(ctx, "Delete", id)
		if err != nil {
			return n, err
		}
		_, _, tail := claimKeys(t, "")
		keys := []string{beside(t, registry.Due), beside(t, registry.Again), beside(t, registry.Back), beside(t, registry.Dead), beside(t, registry.Age)}
		if _, err := q.unconditional().Run(ctx, t, deleteScript, []string{tail}, keys...); err != nil {
			return n, err
		}
	}
	return n, nil
}
