package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/registry"
	"github.com/symphony-go/symphony/internal/store"
)

// DeadItem is an item that was parked: it did not decode, or had no attempt
// left.
type DeadItem[T any] struct {
	Item[T]
	Raw    []byte    // what is stored; Value is made of it
	Reason string    // why it was parked
	Parked time.Time // when, by the server's clock
}

//go:embed lua/revive.lua
var reviveSource string

var reviveScript = store.NewScript(clockSource + claimsSource + reviveSource)

// Dead goes over the parked items of a queue, in no order, with HSCAN: breaking
// off ends the traffic. An item that does not decode comes with an *ItemError
// beside it, and the loop goes on; any other error ends it. Parked items stay
// until Retry or Discard takes them, whatever the queue's lifetime.
func (r *ListRepo[T]) Dead(ctx context.Context, id string) iter.Seq2[DeadItem[T], error] {
	return func(yield func(DeadItem[T], error) bool) {
		t, err := r.core.Begin(ctx, "Dead", id)
		if err != nil {
			yield(DeadItem[T]{}, err)
			return
		}
		seen := map[string]bool{}
		for text, err := range r.core.dead(ctx, t) {
			if err != nil {
				yield(DeadItem[T]{}, err)
				return
			}
			d, err := r.deadItem(t, len(seen), text[0], text[1])
			if seen[d.ID] {
				continue
			}
			seen[d.ID] = true
			if !yield(d, err) {
				return
			}
		}
	}
}

// dead gives the id and the text of each parked item, some of them twice.
func (q *queue) dead(ctx context.Context, t fault.Target) iter.Seq2[[2]string, error] {
	return func(yield func([2]string, error) bool) {
		for cursor := uint64(0); ; {
			scan := q.Client.B().Hscan().Key(beside(t, registry.Dead)).Cursor(cursor).Count(100).Build()
			page, err := q.Client.Do(ctx, scan).AsScanEntry()
			if err != nil {
				yield([2]string{}, t.Sent(err))
				return
			}
			for i := 0; i+1 < len(page.Elements); i += 2 {
				if !yield([2]string{page.Elements[i], page.Elements[i+1]}, nil) {
					return
				}
			}
			if cursor = page.Cursor; cursor == 0 {
				return
			}
		}
	}
}

// deadItem reads what park in lua/claims.lua wrote:
// "<ms> <count> <length of reason> <reason><value>".
func (r *ListRepo[T]) deadItem(t fault.Target, place int, id, text string) (d DeadItem[T], err error) {
	d.ID = id
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return d, t.Refuse(errors.New("a parked item has another form; it was written by something else"))
	}
	ms, errMS := strconv.ParseInt(parts[0], 10, 64)
	attempt, errAttempt := deliveries(parts[1])
	length, errLength := strconv.Atoi(parts[2])
	if err := errors.Join(errMS, errAttempt, errLength); err != nil || length < 0 || length > len(parts[3]) {
		return d, t.Refuse(errors.New("a parked item has another form; it was written by something else"))
	}
	d.Attempt, d.Parked = attempt, time.UnixMilli(ms)
	d.Reason, d.Raw = parts[3][:length], []byte(parts[3][length:])
	return d, r.item(t, place, id, string(d.Raw), &d.Value)
}

// Retry puts parked items back in front of the queue, in the order in which they
// are named, and counts those that were parked: one script, atomic. They keep
// their ids and attempts, and have one attempt more, whatever MaxAttempts says.
func (r *ListRepo[T]) Retry(ctx context.Context, id string, ids ...string) (int64, error) {
	q := r.core
	t, err := q.BeginWrite(ctx, "Retry", id)
	if err == nil {
		err = q.RefuseAbsent(t)
	}
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	keys := append([]string{beside(t, registry.Dead), beside(t, registry.Back), beside(t, registry.Age)}, q.indexAndSet()...)
	args := append([]string{q.marks.Queue, q.marks.Member}, ids...)
	m, err := q.unconditional().Run(ctx, t, reviveScript, args, keys...)
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// Discard removes parked items for good and counts those that were parked:
// HDEL.
func (r *ListRepo[T]) Discard(ctx context.Context, id string, ids ...string) (int64, error) {
	t, err := r.core.BeginWrite(ctx, "Discard", id)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	m, err := r.core.Do(ctx, t, r.core.Client.B().Hdel().Key(beside(t, registry.Dead)).Field(ids...).Build())
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}
