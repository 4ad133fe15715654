package listrepo

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/ack_usual.lua
	ackUsualSource string
	//go:embed lua/ack.lua
	ackSource string
	//go:embed lua/release.lua
	releaseSource string
	//go:embed lua/extend.lua
	extendSource string
	//go:embed lua/extend_shorter.lua
	extendShorterSource string

	ackScript     = rueidis.NewLuaScript(acl.RegisterScript(ackUsualSource + pending.ScheduleSource + ackSource))
	releaseScript = store.NewScript(pending.ScheduleSource+sharedSource+orderSource+releaseSource, store.Either(store.Flag, store.Tuple(store.Number)))
	extendScript  = rueidis.NewLuaScript(acl.RegisterScript(extendSource + pending.ScheduleSource + extendShorterSource))
)

// settle calls do for the items with the given ids, and marks them as settled
// if it succeeds. Without ids, it settles all items that the caller can settle.
// Places are nil for all items of the claim.
func (l *lease) settle(ctx context.Context, op string, ids []string, do func(t fault.Target, places []int) error) error {
	t := l.target
	t.Op = op
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settleLocked(ctx, t, ids, do)
}

// settleLocked is settle for a caller that holds l.mu.
func (l *lease) settleLocked(ctx context.Context, t fault.Target, ids []string, do func(t fault.Target, places []int) error) error {
	if err := fault.ContextError(ctx); err != nil {
		return t.NotApplied(err)
	}
	if len(ids) == 0 {
		if l.left == 0 {
			return nil
		}
		if l.withheld == 0 {
			if err := do(t, nil); err != nil {
				return err
			}
			l.settleAll()
			return nil
		}
		ids = slices.Collect(maps.Keys(l.unsettled))
	}
	places, err := l.places(t, ids)
	if err != nil {
		return err
	}
	if err := do(t, places); err != nil {
		return err
	}
	for _, id := range ids {
		delete(l.unsettled, id)
	}
	l.left = len(l.unsettled)
	return nil
}

// withhold takes items that could not be made dead letters out of what the
// caller can settle. They stay in the lease.
func (l *lease) withhold(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.makeUnsettled()
	for _, id := range ids {
		delete(l.unsettled, id)
	}
	l.left, l.withheld = len(l.unsettled), len(ids)
}

// settleAll marks all items as settled.
func (l *lease) settleAll() { l.left, l.unsettled = 0, map[string]int{} }

// endedBy reads what the script of a later claim replied about this one.
func (l *lease) endedBy(t fault.Target, m rueidis.RedisMessage) error {
	err := checkHeld(t, m)
	if err == nil {
		l.settleAll()
	}
	return err
}

// makeUnsettled makes the map of unsettled items if there is none.
func (l *lease) makeUnsettled() {
	if l.unsettled == nil {
		l.unsettled = make(map[string]int, l.count)
		for i, id := range l.ids() {
			l.unsettled[id] = i + 1
		}
	}
}

// places returns the places of unsettled items. If one of the ids is not among
// them, it returns an *unknownItemError.
func (l *lease) places(t fault.Target, ids []string) ([]int, error) {
	l.makeUnsettled()
	places := make([]int, len(ids))
	for i, id := range ids {
		place, ok := l.unsettled[id]
		if !ok {
			return nil, t.NotApplied(&unknownItemError{id})
		}
		places[i] = place
	}
	return places, nil
}

// ack removes the items at places, or all items.
func (l *lease) ack(ctx context.Context, t fault.Target, places []int) error {
	q := l.queue
	items, done, _ := claimKeys(t, l.token)
	due := beside(t, queuekey.Due)
	keys := []string{items, done}
	if places != nil || l.ordered || !q.marks.none() {
		keys = append(keys, due)
		if l.ordered || !q.marks.none() {
			keys = append(keys, t.Key)
		}
		if !q.marks.none() {
			keys = append(keys, q.tenants)
		}
		args := append([]string{l.header, q.marks.Queue, q.tenant}, placeArgs(places)...)
		script := ackScript
		if q.storesOrigins() {
			script, args = ackOriginsScript, append(args, l.endedArgs(places)...)
		}
		return q.readHeld(ctx, t, script.Exec(t.In(ctx), q.Client, keys, args))
	}
	if l.unsettled == nil { // no item was settled, so done does not exist
		keys = keys[:1]
	}
	results := q.Client.DoMulti(t.In(ctx), q.Client.B().Unlink().Key(keys...).Build(), q.Client.B().Zrem().Key(due).Member(l.header).Build())
	// UNLINK ends the claim. If ZREM fails, the next claim removes the header.
	return l.queue.readHeld(ctx, t, results[0])
}

// putBack says how items go back to the queue.
type putBack struct {
	maxAttempts int    // an item with so many attempts becomes a dead letter; 0 if none does
	reason      string // of dead letters
	uncounted   bool   // whether the delivery does not count as an attempt
	delay       time.Duration
}

// releaseBytes is the most that one script puts back. A megabyte takes some
// milliseconds.
const releaseBytes = 1 << 20

// noteSizes remembers the sizes of items if they are more than one script puts
// back.
func (l *lease) noteSizes(items []string) {
	total := 0
	for _, text := range items {
		total += len(text)
	}
	if total <= releaseBytes {
		return
	}
	l.sizes = make([]int, len(items))
	for i, text := range items {
		l.sizes[i] = len(text)
	}
}

// release puts back the items at places, or all items. If they are more than
// releaseBytes, it runs several scripts. Each puts its items in front of the
// queue, so the last items go first.
func (l *lease) release(ctx context.Context, t fault.Target, places []int, how putBack) error {
	if l.sizes == nil {
		return l.releasePage(ctx, t, places, how)
	}
	if places == nil {
		l.makeUnsettled()
		places = slices.Collect(maps.Values(l.unsettled))
	}
	places = slices.Sorted(slices.Values(places))
	for applied := false; len(places) > 0; applied = true {
		first := l.lastPage(places)
		if err := l.releasePage(ctx, t, places[first:], how); err != nil && applied {
			return partly(t, err)
		} else if err != nil {
			return err
		}
		places = places[:first]
	}
	return nil
}

// lastPage returns the index from which on the items at places are at most
// releaseBytes together. There is at least one item from there on.
func (l *lease) lastPage(places []int) int {
	first := len(places) - 1
	for bytes := l.sizes[places[first]-1]; first > 0; first-- {
		if bytes += l.sizes[places[first-1]-1]; bytes > releaseBytes {
			break
		}
	}
	return first
}

// releasePage puts back the items at places, or all items, with one script.
func (l *lease) releasePage(ctx context.Context, t fault.Target, places []int, how putBack) error {
	q := l.queue
	items, done, _ := claimKeys(t, l.token)
	keys := append([]string{items, done, beside(t, queuekey.Due), beside(t, queuekey.Back), beside(t, queuekey.Dead), beside(t, queuekey.Age)}, q.scheduleAndSet()...)
	args := []string{l.header, strconv.Itoa(how.maxAttempts), how.reason, "", q.marks.Queue, q.tenant, q.marks.Member, ""}
	if how.uncounted {
		args[3] = "1"
	}
	if how.delay > 0 {
		args[7] = duration.Milliseconds(how.delay)
	}
	m, err := q.unconditional().Run(ctx, t, releaseScript, append(args, placeArgs(places)...), keys...)
	if err != nil {
		return q.nameWrongType(ctx, t, err)
	}
	if !m.IsArray() {
		return checkHeld(t, m)
	}
	from, err := m.AsIntSlice()
	if err == nil && len(from) != 1 {
		err = fmt.Errorf("the reply of release.lua has %d elements, expected 1", len(from))
	}
	if err != nil {
		return t.Applied(err)
	}
	if l.mayHaveDied(places, how) {
		q.trimDead(ctx, t)
	}
	return q.renewBeside(ctx, t, from[0])
}

// mayHaveDied reports whether a release may have made one of the items at
// places a dead letter, or one of all items.
func (l *lease) mayHaveDied(places []int, how putBack) bool {
	if how.maxAttempts == 0 {
		return false
	}
	if places == nil {
		return how.maxAttempts == 1 || len(l.redelivered) > 0
	}
	return slices.ContainsFunc(places, func(place int) bool { return l.attempt(place) >= how.maxAttempts })
}

// makeDead makes items dead letters, whatever attempts they have left.
func (l *lease) makeDead(ctx context.Context, ids []string, reason string) error {
	ctx = context.WithoutCancel(ctx)
	return l.settle(ctx, l.target.Op, ids, func(t fault.Target, places []int) error {
		return l.release(ctx, t, places, putBack{maxAttempts: 1, reason: reason})
	})
}

// extend renews the lease.
func (l *lease) extend(ctx context.Context, d time.Duration) error {
	t := l.target
	t.Op = "Extend"
	if err := option.CheckLease(d); err != nil {
		return t.NotApplied(err)
	}
	items, done, _ := claimKeys(t, l.token)
	keys := []string{items, done, beside(t, queuekey.Due)}
	args := []string{l.header, duration.Milliseconds(d), l.queue.LifetimeMilliseconds(), ""}
	if l.ordered {
		args[3] = "1"
	}
	if !l.queue.marks.none() {
		keys = append(keys, t.Key, l.queue.tenants)
		args = append(args, l.queue.marks.Queue, l.queue.tenant)
	}
	return l.queue.readHeld(ctx, t, extendScript.Exec(t.In(ctx), l.queue.Client, keys, args))
}

// readHeld reads the result of a command or script that works on a claim.
func (q *queue) readHeld(ctx context.Context, t fault.Target, r rueidis.RedisResult) error {
	m, err := r.ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return q.nameWrongType(ctx, t, t.Failed(err))
	}
	return checkHeld(t, m)
}

// checkHeld returns ErrLeaseLost if the reply is 0, which means that the claim
// was lost.
func checkHeld(t fault.Target, m rueidis.RedisMessage) error {
	if err := store.Shape(heldReply).Check(t, m); err != nil {
		return err
	}
	if n, _ := m.ToInt64(); n == 0 {
		return t.NotApplied(fmt.Errorf("%w: another claim took the items after the lease expired, or they were removed by an eviction or by hand", fault.ErrLeaseLost))
	}
	return nil
}

// heldReply reports whether m is the number of keys that were removed, which is
// at most 2, or the 0 or 1 of a script.
func heldReply(m rueidis.RedisMessage) bool {
	if !store.Count(m) {
		return false
	}
	n, err := m.ToInt64()
	return err == nil && n <= 2
}

// placeArgs returns places as arguments of a script.
func placeArgs(places []int) []string {
	args := make([]string, len(places))
	for i, p := range places {
		args[i] = strconv.Itoa(p)
	}
	return args
}
