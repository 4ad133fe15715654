package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/push.lua
var pushSource string

var pushScript = store.NewScript(clockSource+sharedSource+pushSource, store.Either(store.Count, store.Tuple(store.Count, store.Number)))

// MaxPush is the greatest number of items of one push.
const MaxPush = 10_000

// Push appends items to a queue and returns its length: RPUSH and the lifetime
// in one MULTI ... EXEC; with a condition, a lifetime, KeepTTL, NoTTL or MaxLen,
// one script. A push of no items sends LLEN alone.
//
// Atomic: all the items are pushed, side by side, or none. What is claimed, waits
// for the next claim or was released lives as long as the queue afterwards; if
// there are more than 100 claims, in further scripts.
//
// Errors: ErrFull from MaxLen, ErrNotFound and ErrExists from the conditions,
// ErrWrongType; before anything is sent, ErrInvalidArgument for more than MaxPush
// items, ErrTooLarge, and what the codec cannot write.
func (r *ListRepo[T]) Push(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "Push", "RPUSH", id, v)
}

// PushFront is Push at the other end, LPUSH: the items keep their order, so
// that v[0] is the queue's first.
func (r *ListRepo[T]) PushFront(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "PushFront", "LPUSH", id, v)
}

// Marked is a view whose pushes and claims leave marks in the same atomic step,
// so that no queue is ever filled and not known: SADD in the transaction, and
// once in a second a script in its place. No items: nothing is marked.
func (r *ListRepo[T]) Marked(m Marks) *ListRepo[T] {
	return &ListRepo[T]{marked(r.core.Values, m)}
}

func (r *ListRepo[T]) push(ctx context.Context, op, command, id string, v []T) (int64, error) {
	if len(v) == 0 {
		return r.length(ctx, op, id)
	}
	t, err := r.core.BeginWrite(ctx, op, id)
	if err != nil {
		return 0, err
	}
	if len(v) > MaxPush {
		return 0, t.NotApplied(fmt.Errorf("%w: %d items; one push takes at most %d, so push them in parts", fault.ErrInvalidArgument, len(v), MaxPush))
	}
	items := make([]string, len(v))
	for i := range v {
		if items[i], err = r.core.Encode(t, reflect.ValueOf(&v[i]).Elem()); err != nil {
			return 0, err
		}
	}
	if command == "LPUSH" {
		slices.Reverse(items)
	}
	return r.core.push(ctx, t, command, items)
}

func (q *queue) push(ctx context.Context, t fault.Target, command string, items []string) (int64, error) {
	if !q.Plain() || q.renews() || q.MaxLen > 0 || !q.marks.none() && (command == "LPUSH" || !q.isNoted(t.Key)) {
		return q.pushScripted(ctx, t, command, items)
	}
	tx := append(q.Tx(2), q.Client.B().Arbitrary(command).Keys(t.Key).Args(items...).Build())
	if !q.marks.none() {
		tx = append(tx, q.Client.B().Sadd().Key(q.set).Member(q.marks.Member).Build())
	}
	replies, had, err := q.WriteRenewed(ctx, t, tx)
	if err != nil {
		return 0, err
	}
	n, err := replies[0].ToInt64()
	if err == nil && had {
		err = q.renewRest(ctx, t, all)
	}
	return n, err
}

func (q *queue) pushScripted(ctx context.Context, t fault.Target, command string, items []string) (int64, error) {
	keys := []string{beside(t, queuekey.Due)}
	if !q.marks.none() {
		keys = append(keys, q.set, q.index()[0], beside(t, queuekey.Age))
	}
	args := append(make([]string, 0, 4+len(items)), command, strconv.Itoa(q.MaxLen), q.marks.Member, q.marks.Queue)
	m, err := q.Run(ctx, t, pushScript, append(args, items...), keys...)
	if err != nil {
		return 0, q.explained(ctx, t, err)
	}
	if !q.marks.none() {
		q.note(t.Key)
	}
	if !m.IsArray() {
		return m.ToInt64()
	}
	parts, err := pair(t, m)
	if err != nil {
		return 0, err
	}
	n, err := parts[0].ToInt64()
	return n, errors.Join(err, q.renewFrom(ctx, t, parts[1]))
}
