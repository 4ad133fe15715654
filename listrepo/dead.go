package listrepo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// DeadLetter is an item that was parked: it did not decode, or had no attempt
// left.
type DeadLetter[T any] struct {
	Item[T]
	Raw    []byte    // what is stored; Value is made of it
	Reason string    // why it was parked
	At     time.Time // when, by the server's clock
}

//go:embed lua/retry.lua
var retrySource string

var retryScript = store.NewScript(clockSource+sharedSource+retrySource, store.Tuple(store.Count, store.Number))

// Dead goes over the parked items of a queue, in no order, with HSCAN: breaking
// off ends the traffic. An item that does not decode comes with an *ItemError
// beside it, and the loop goes on; any other error ends it. Dead letters stay
// until Retry or Discard takes them, whatever the queue's lifetime.
func (r *ListRepo[T]) Dead(ctx context.Context, id string) iter.Seq2[DeadLetter[T], error] {
	return func(yield func(DeadLetter[T], error) bool) {
		t, err := r.core.Begin(ctx, "Dead", id)
		if err != nil {
			yield(DeadLetter[T]{}, err)
			return
		}
		seen := map[string]bool{}
		for text, err := range r.core.dead(ctx, t) {
			if err != nil {
				yield(DeadLetter[T]{}, err)
				return
			}
			d, err := r.deadLetter(t, len(seen), text[0], text[1])
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
			scan := q.Client.B().Hscan().Key(beside(t, queuekey.Dead)).Cursor(cursor).Count(100).Build()
			page, err := q.Client.Do(ctx, scan).AsScanEntry()
			if err != nil {
				yield([2]string{}, t.Failed(err))
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

// deadLetter reads what park in lua/shared.lua wrote:
// "<ms> <count> <length of reason> <reason><value>".
func (r *ListRepo[T]) deadLetter(t fault.Target, place int, id, text string) (d DeadLetter[T], err error) {
	d.ID = id
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return d, t.NotApplied(errors.New("a parked item has another form; it was written by something else"))
	}
	ms, errMS := strconv.ParseInt(parts[0], 10, 64)
	attempt, errAttempt := deliveries(parts[1])
	length, errLength := strconv.Atoi(parts[2])
	if err := errors.Join(errMS, errAttempt, errLength); err != nil || length < 0 || length > len(parts[3]) {
		return d, t.NotApplied(errors.New("a parked item has another form; it was written by something else"))
	}
	d.Attempt, d.At = attempt, time.UnixMilli(ms)
	d.Reason, d.Raw = parts[3][:length], []byte(parts[3][length:])
	return d, r.item(t, place, id, string(d.Raw), &d.Value)
}

// Retry puts dead letters back in front of the queue, in the order in which they
// are named, and counts those that were dead letters: one script for each MaxCount
// ids, the last ones first. Each script is atomic. If one fails after others did
// their part, the error reports MaybeApplied, and the count is what was put back.
// The items keep their ids and attempts, and have one attempt more, whatever
// MaxAttempts says. What has not the form of a dead letter stays and is not counted.
func (r *ListRepo[T]) Retry(ctx context.Context, id string, ids ...string) (int64, error) {
	t, err := r.core.BeginWrite(ctx, "Retry", id)
	if err == nil {
		err = r.core.RefuseAbsent(t)
	}
	if err != nil {
		return 0, err
	}
	pages := slices.Collect(slices.Chunk(ids, MaxCount))
	slices.Reverse(pages)
	return paged(t, pages, func(page []string) (int64, error) { return r.core.retry(ctx, t, page) })
}

func (q *queue) retry(ctx context.Context, t fault.Target, ids []string) (int64, error) {
	keys := append([]string{beside(t, queuekey.Dead), beside(t, queuekey.Back), beside(t, queuekey.Due), beside(t, queuekey.Age)}, q.indexAndSet()...)
	args := append([]string{q.marks.Queue, q.marks.Member}, ids...)
	m, err := q.unconditional().Run(ctx, t, retryScript, args, keys...)
	if err != nil {
		return 0, q.explained(ctx, t, err)
	}
	parts, err := pair(t, m)
	if err != nil {
		return 0, err
	}
	n, err := parts[0].AsInt64()
	return n, cmp.Or(err, q.renewFrom(ctx, t, parts[1]))
}

// Discard removes dead letters for good and counts those that were there: HDEL,
// one for each MaxCount ids. If one fails after others did their part, the error
// reports MaybeApplied, and the count is what was removed.
func (r *ListRepo[T]) Discard(ctx context.Context, id string, ids ...string) (int64, error) {
	t, err := r.core.BeginWrite(ctx, "Discard", id)
	if err != nil {
		return 0, err
	}
	pages := slices.Collect(slices.Chunk(ids, MaxCount))
	return paged(t, pages, func(page []string) (int64, error) {
		m, err := r.core.Do(ctx, t, r.core.Client.B().Hdel().Key(beside(t, queuekey.Dead)).Field(page...).Build(), store.Count)
		if err != nil {
			return 0, r.core.explained(ctx, t, err)
		}
		return m.ToInt64()
	})
}

// paged adds up what do answers for each page of ids, until one fails.
func paged(t fault.Target, pages [][]string, do func([]string) (int64, error)) (sum int64, err error) {
	for i, page := range pages {
		n, err := do(page)
		sum += n
		if err != nil && i > 0 {
			return sum, partly(t, err)
		}
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}
