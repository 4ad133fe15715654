package listrepo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// DeadLetter is an item that is no longer delivered, because it does not decode
// or has no attempt left. An entry beside the queue that the library did not
// write becomes a dead letter, too; see [ForeignEntriesError].
type DeadLetter[T any] struct {
	Item[T]
	Raw    []byte    // the stored bytes of the item, also of one that does not decode
	Reason string    // why the item became a dead letter
	At     time.Time // when it became one, by the server's clock
}

var (
	//go:embed lua/retry.lua
	retrySource string

	retryScript = store.NewScript(pending.ScheduleSource+sharedSource+orderSource+retrySource, store.Tuple(store.Count, store.Number))
)

// Dead iterates over the dead letters of a queue, in no particular order. It
// reads them in pages with HSCAN, and sends nothing more after the loop ends.
// Dead letters stay until [ListRepo.Retry], [ListRepo.Discard] or
// [ListRepo.Delete] removes them, or [DeadLimit] or [DeadFor]. The lifetime of
// the queue does not apply to them.
//
// If an item does not decode, Dead yields it with an *[ItemError]. If an entry
// does not have the form of a dead letter, Dead yields its id with
// [ErrWrongType]. In both cases the loop goes on. Any other error ends the
// loop.
func (r *ListRepo[T]) Dead(ctx context.Context, id string) iter.Seq2[DeadLetter[T], error] {
	return func(yield func(DeadLetter[T], error) bool) {
		t, err := r.core.Begin(ctx, "Dead", id)
		if err != nil {
			yield(DeadLetter[T]{}, err)
			return
		}
		seen := map[string]bool{}
		for entry, err := range r.core.deadEntries(ctx, t) {
			if err != nil {
				yield(DeadLetter[T]{}, err)
				return
			}
			d, err := r.parseDead(t, len(seen), entry.id, entry.text)
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

// deadEntry is a dead letter as it is stored.
type deadEntry struct{ id, text string }

// deadEntries iterates over stored dead letters. It may yield one twice, as
// HSCAN does.
func (q *queue) deadEntries(ctx context.Context, t fault.Target) iter.Seq2[deadEntry, error] {
	return func(yield func(deadEntry, error) bool) {
		for cursor := uint64(0); ; {
			scan := q.Client.B().Hscan().Key(beside(t, queuekey.Dead)).Cursor(cursor).Count(100).Build()
			page, err := store.ReadScan(q.Client.Do(t.In(ctx), scan))
			if err == nil && len(page.Elements)%2 != 0 {
				err = store.ErrShape
			}
			if err != nil {
				yield(deadEntry{}, t.Failed(err))
				return
			}
			for i := 0; i+1 < len(page.Elements); i += 2 {
				if !yield(deadEntry{page.Elements[i], page.Elements[i+1]}, nil) {
					return
				}
			}
			if cursor = page.Cursor; cursor == 0 {
				return
			}
		}
	}
}

var errForeignDead = fmt.Errorf("%w: the dead letter does not have the form that this library writes; remove it with Discard", fault.ErrWrongType)

// parseDead reads the text that makeDead in lua/shared.lua writes: "<ms>
// <count> <length of reason> <reason><value>".
func (r *ListRepo[T]) parseDead(t fault.Target, index int, id, text string) (d DeadLetter[T], err error) {
	d.ID = id
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return d, t.NotApplied(errForeignDead)
	}
	ms, errMS := strconv.ParseInt(parts[0], 10, 64)
	attempt, errAttempt := parseDeliveries(parts[1])
	length, errLength := strconv.Atoi(parts[2])
	if err := errors.Join(errMS, errAttempt, errLength); err != nil || length < 0 || length > len(parts[3]) {
		return d, t.NotApplied(errForeignDead)
	}
	d.Attempt, d.At = attempt, time.UnixMilli(ms)
	d.Reason, d.Raw = parts[3][:length], []byte(parts[3][length:])
	return d, r.decodeItem(t, index, id, string(d.Raw), &d.Value)
}

// Retry puts dead letters back at the front of the queue, in the order of ids,
// and returns how many there were. An id that names no dead letter is not
// counted, and an entry that the library did not write stays. The items keep
// their ids and attempts. Each is delivered at least once more, whatever
// [MaxAttempts] says. [MaxLen] does not apply. Retry renews the lifetime of the
// queue. To a serial queue they return in the order in which they were first
// claimed, before all items that were first claimed later; see [Serial].
//
// Retry sends one script for every [MaxCount] ids, beginning with the last
// ones, and nothing without ids. Each script is atomic. If one fails after
// others succeeded, the error reports MaybeApplied, and Retry returns the
// number of items put back so far.
//
// If the repository has the option [IfAbsent], Retry returns [ErrUnsupported].
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
	return sumPages(t, pages, func(page []string) (int64, error) { return r.core.retry(ctx, t, page) })
}

// retry runs the script for one page of ids.
func (q *queue) retry(ctx context.Context, t fault.Target, ids []string) (int64, error) {
	keys := append([]string{beside(t, queuekey.Dead), beside(t, queuekey.Back), beside(t, queuekey.Due), beside(t, queuekey.Age)}, q.scheduleAndSet()...)
	args := append([]string{q.marks.Queue, q.tenant, q.marks.Member, q.serialFlag()}, ids...)
	m, err := q.unconditional().Run(ctx, t, retryScript, args, keys...)
	if err != nil {
		return 0, q.nameWrongType(ctx, t, err)
	}
	parts, err := readPair(t, m)
	if err != nil {
		return 0, err
	}
	n, err := parts[0].AsInt64()
	return n, cmp.Or(err, q.continueRenewal(ctx, t, parts[1]))
}

// Discard removes dead letters for good and returns how many there were. It
// sends HDEL and ZREM in one round trip for every [MaxCount] ids, and nothing
// without ids. Each HDEL is atomic. If one fails after others succeeded, the
// error reports MaybeApplied, and Discard returns the number of dead letters
// removed so far.
func (r *ListRepo[T]) Discard(ctx context.Context, id string, ids ...string) (int64, error) {
	t, err := r.core.BeginWrite(ctx, "Discard", id)
	if err != nil {
		return 0, err
	}
	pages := slices.Collect(slices.Chunk(ids, MaxCount))
	return sumPages(t, pages, func(page []string) (int64, error) {
		return r.core.discard(ctx, t, page)
	})
}

// discard removes one page of dead letters.
func (q *queue) discard(ctx context.Context, t fault.Target, ids []string) (int64, error) {
	results := q.Client.DoMulti(t.In(ctx),
		q.Client.B().Hdel().Key(beside(t, queuekey.Dead)).Field(ids...).Build(),
		q.Client.B().Zrem().Key(beside(t, queuekey.Died)).Member(ids...).Build()) // if it fails, trim_dead.lua repairs that
	m, err := results[0].ToMessage()
	if err != nil {
		return 0, q.nameWrongType(ctx, t, t.Failed(err))
	}
	if err := store.Shape(store.Count).Check(t, m); err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// RestoreDead writes dead letters as they were in another queue, without
// counting how often they were delivered before. [DeadFor] removes them no
// earlier than at the next dead letter. Only package symphony calls it, for
// Import.
func (r *ListRepo[T]) RestoreDead(ctx context.Context, _ internal.NotForPublicUse, id string, letters ...DeadLetter[T]) error {
	t, err := r.core.BeginWrite(ctx, "Import", id)
	if err != nil {
		return err
	}
	t = t.WithKey(beside(t, queuekey.Dead))
	for page := range slices.Chunk(letters, MaxCount) {
		cmd := r.core.Client.B().Hset().Key(t.Key).FieldValue()
		for _, d := range page {
			if err := r.core.CheckSize(t, string(d.Raw)); err != nil {
				return err
			}
			cmd = cmd.FieldValue(d.ID, fmt.Sprintf("%d %d %d %s%s", d.At.UnixMilli(), d.Attempt, len(d.Reason), d.Reason, d.Raw))
		}
		if err := r.core.restoreDead(ctx, t, cmd.Build()); err != nil {
			return err
		}
	}
	return nil
}

// restoreDead runs a command that adds dead letters. A lifetime that DeadFor
// set for others may end before they are too old, so it is removed first.
func (q *queue) restoreDead(ctx context.Context, t fault.Target, add rueidis.Completed) error {
	results := q.SendAll(ctx, []fault.Target{t}, q.Client.B().Persist().Key(t.Key).Build(), add)
	m, err := results[1].ToMessage()
	if err != nil {
		return t.Failed(err)
	}
	if err := store.Shape(store.Count).Check(t, m); err != nil {
		return err
	}
	if err := results[0].Error(); err != nil {
		return t.Applied(fault.Translate(err))
	}
	return nil
}

// sumPages calls do for each page of ids until it fails, and returns the sum of
// its results.
func sumPages(t fault.Target, pages [][]string, do func([]string) (int64, error)) (sum int64, err error) {
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
