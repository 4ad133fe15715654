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
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/push_usual.lua
	pushUsualSource string
	//go:embed lua/push_first.lua
	pushFirstSource string
	//go:embed lua/push.lua
	pushSource string

	pushReply       = store.Either(store.Count, store.Tuple(store.Count, store.Number))
	pushUsualScript = store.NewShortScript(pushUsualSource+pending.ScheduleSource+pushFirstSource, pushReply)
	pushScript      = store.NewTypeCheckingScript(pending.ScheduleSource+sharedSource+orderSource+pushSource, pushReply)
)

// MaxPush is the greatest number of items of one push.
const MaxPush = 10_000

// Push appends items to a queue and returns its length. It is atomic: either
// all items are pushed, one behind the other, or none. Without items, Push
// sends LLEN alone.
//
// Push sends RPUSH and renews the lifetime in one MULTI ... EXEC. With [TTL],
// [KeepTTL], [NoTTL], [MaxLen], [IfExists], [IfAbsent], [Serial] or [Quiet],
// and for a queue with [Marks], it sends one script. It also renews claims and
// items that were put back, so that they live as long as the queue. If the
// queue has more than 100 claims, or if another repository gave it a lifetime
// that Push removes, that takes further scripts.
//
// If the items do not fit under [MaxLen], Push returns [ErrFull]. If a
// condition does not hold, it returns [ErrNotFound] or [ErrExists]. If the key
// holds another type, it returns [ErrWrongType].
//
// The following errors are returned before anything is sent. For more than
// [MaxPush] items, Push returns [ErrInvalidArgument]. If an item is too large,
// it returns [ErrTooLarge]. If an item cannot be encoded, it returns the
// codec's error.
func (r *ListRepo[T]) Push(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "Push", "RPUSH", id, v)
}

// PushFront is [ListRepo.Push] at the front of the queue, with LPUSH. The items
// keep their order, so v[0] is the first item of the queue.
func (r *ListRepo[T]) PushFront(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "PushFront", "LPUSH", id, v)
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
		return 0, t.NotApplied(fmt.Errorf("%w: %d items, but one push takes at most %d; push them in parts", fault.ErrInvalidArgument, len(v), MaxPush))
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

// push pushes encoded items in a transaction if that is enough, else by script.
func (q *queue) push(ctx context.Context, t fault.Target, command string, items []string) (int64, error) {
	if !q.AllowsTx() || q.mustRenewBeside() || q.MaxLen > 0 || q.hasOrder() || !q.marks.none() {
		return q.pushByScript(ctx, t, command, items)
	}
	tx := append(q.Tx(1), q.Client.B().Arbitrary(command).Keys(t.Key).Args(items...).Build())
	replies, hadLifetime, err := q.CommitRenewing(ctx, t, tx, store.Count)
	if err != nil {
		return 0, err
	}
	n, err := replies[0].ToInt64()
	if err == nil && hadLifetime {
		err = q.renewBeside(ctx, t, allClaims)
	}
	return n, err
}

// pushByScript pushes encoded items under a condition or a bound, with a
// lifetime or an order, or to a queue in a schedule. Once a second, the push
// repairs the schedule if other programs removed the queue from it.
func (q *queue) pushByScript(ctx context.Context, t fault.Target, command string, items []string) (int64, error) {
	var origin []string // the last arguments
	if q.storesOrigins() {
		origin = []string{q.Origin(ctx), strconv.Itoa(len(items)), ""}
		if command == "LPUSH" {
			origin[2] = "1"
		}
	}
	if q.isUsualPush(t, command) {
		args := append(append(make([]string, 0, 3+len(items)), q.marks.Member, q.marks.Queue, q.tenant), items...)
		script := pushUsualScript
		if origin != nil {
			script = pushUsualOriginScript
		}
		return q.readPush(ctx, t, script, append(args, origin...), q.set, q.tenants, beside(t, queuekey.Age))
	}
	keys := []string{beside(t, queuekey.Due)}
	if !q.marks.none() {
		keys = append(keys, q.set, q.tenants, beside(t, queuekey.Age))
	}
	args := append(make([]string, 0, 6+len(items)), command, strconv.Itoa(q.MaxLen), q.marks.Member, q.marks.Queue, q.tenant, q.ordering())
	script := pushScript
	if origin != nil {
		script = pushOriginScript
	}
	n, err := q.readPush(ctx, t, script, append(append(args, items...), origin...), keys...)
	if !q.marks.none() && err == nil {
		q.setRepaired(t.Key)
	}
	return n, err
}

// isUsualPush reports whether push_usual.lua does the push.
func (q *queue) isUsualPush(t fault.Target, command string) bool {
	return !q.marks.none() && command == "RPUSH" && !q.IfExists && !q.IfAbsent && q.MaxLen == 0 &&
		!q.hasOrder() && !q.mustRenewBeside() && q.hasRepaired(t.Key)
}

// readPush runs a script that pushes, and returns the length of the queue.
func (q *queue) readPush(ctx context.Context, t fault.Target, script *store.Script, args []string, keys ...string) (int64, error) {
	m, err := q.Run(ctx, t, script, args, keys...)
	if err != nil {
		return 0, q.nameWrongType(ctx, t, err)
	}
	if !m.IsArray() {
		return m.ToInt64()
	}
	parts, err := readPair(t, m)
	if err != nil {
		return 0, err
	}
	n, err := parts[0].ToInt64()
	return n, errors.Join(err, q.continueRenewal(ctx, t, parts[1]))
}
