package listrepo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// lease is a Claim without its type parameter. The server decides whether the
// items are still held; unsettled only prevents a caller from settling an item
// twice.
type lease struct {
	queue       *queue
	target      fault.Target // of the call that made the claim
	token       string
	header      string // of the claim; see lua/shared.lua
	birth       string // "<birth>-<token>", with which the ids of first deliveries begin
	count       int
	ordered     bool                 // whether the queue had an order, which ends with its last item
	redelivered map[int]delivery     // by place, from 1: items that were delivered before
	origins     []string             // see [Claim.Origins]
	foreign     *ForeignEntriesError // also part of warning; nil if there is none
	warning     error                // returned with the claim, which is valid

	// sizes are the bytes of each item. They are nil if one script can put back
	// all items.
	sizes []int

	mu        sync.Mutex
	unsettled map[string]int // places by id; nil if no item is settled
	left      int            // number of items that the caller can settle
	withheld  int            // number of items that the caller did not get, and that stay in the lease
}

// delivery is an item's id and the number of its deliveries.
type delivery struct {
	id      string
	attempt int
}

var (
	//go:embed lua/shared.lua
	sharedSource string
	//go:embed lua/claim_usual.lua
	claimUsualSource string
	//go:embed lua/claim.lua
	claimSource string
	//go:embed lua/claim_redelivered.lua
	claimRedeliveredSource string

	claimScript = store.NewTypeCheckingScript(claimUsualSource+pending.ScheduleSource+claimSource+sharedSource+orderSource+claimRedeliveredSource, isClaimReply)
	isWarnings  = store.Either(func(m rueidis.RedisMessage) bool { return m.IsNil() },
		store.Tuple(store.Count, store.Count, store.Text, store.Number, store.Flag, store.Count)) //nolint:gocritic // a reply may hold several counts
)

// isClaimReply reports whether m is the result of claim.lua.
func isClaimReply(m rueidis.RedisMessage) bool {
	if !m.IsArray() {
		return false
	}
	parts, err := m.ToArray()
	return err == nil && len(parts) >= 3 && store.Text(parts[0]) && store.Count(parts[1]) && isWarnings(parts[2]) &&
		!slices.ContainsFunc(parts[3:], func(item rueidis.RedisMessage) bool { return !store.Text(item) })
}

// returnedItems is the most items to claim for which claim.lua returns them.
const returnedItems = 8

// claim claims items, and ends the claim previous if there is one. No item of
// previous may be settled meanwhile. If nothing was sent, the lease is nil.
func (q *queue) claim(ctx context.Context, op, id string, n int, d time.Duration, previous *lease) (*lease, []string, error) {
	t, err := q.beginClaim(ctx, op, id, n, d)
	if err != nil || n == 0 {
		return nil, nil, err
	}
	l := &lease{queue: q, target: t}
	texts, more, err := l.take(ctx, n, d, previous)
	for applied := previous != nil; more && err == nil; applied = true {
		texts, more, err = l.take(ctx, n, d, nil)
		if err != nil && applied {
			err = partly(t, err)
		}
	}
	return l, texts, err
}

// beginClaim checks the arguments of a claim before anything is sent. If the
// items are sealed, it checks that the keys can be read, because items that do
// not open become dead letters.
func (q *queue) beginClaim(ctx context.Context, op, id string, n int, d time.Duration) (fault.Target, error) {
	t, err := q.BeginWrite(ctx, op, id)
	if err == nil {
		err = q.RefuseAbsent(t)
	}
	if err != nil {
		return t, err
	}
	if err := option.CheckLease(d); err != nil {
		return t, t.NotApplied(err)
	}
	if err := option.CheckCount(n); err != nil {
		return t, t.NotApplied(err)
	}
	return t, q.CheckKeys(t)
}

// take runs the claim script once and returns the items. If it returns none,
// more reports whether another run may claim items.
func (l *lease) take(ctx context.Context, n int, d time.Duration, previous *lease) (items []string, more bool, err error) {
	q, t := l.queue, l.target
	if q.MaxAttempts == 1 {
		n = 1 // an item on its last attempt is claimed alone
	}
	l.token = rand.Text()[:queuekey.TokenLen]
	list := beside(t, queuekey.Claim+l.token)
	args := []string{l.token, strconv.Itoa(n), duration.Milliseconds(d), strconv.Itoa(q.MaxAttempts), "", q.serialFlag()}
	if previous != nil {
		args[4] = previous.header
	}
	if !q.marks.none() {
		args = append(args, q.marks.Queue, q.tenant)
	}
	if q.storesOrigins() {
		args = append(args, previous.endedArgs(nil)...)
	}
	result, texts, err := l.runClaim(ctx, n, args, list)
	if err != nil {
		return nil, false, q.nameWrongType(ctx, t, err)
	}
	var lost error
	if previous != nil {
		lost = previous.endedBy(t, result[1])
		l.warning = lost
	}
	more = l.readWarnings(ctx, result[2])
	header, err := result[0].ToString()
	if header == busy {
		return nil, false, l.busy(previous, lost)
	}
	if err != nil || header == "" {
		return nil, more, err
	}
	if len(texts) == 0 {
		return nil, false, t.Applied(fmt.Errorf("%w: the lease expired, or the items were removed, before they could be read", fault.ErrLeaseLost))
	}
	items = make([]string, len(texts))
	for i := range texts {
		if items[i], err = texts[i].ToString(); err != nil {
			return nil, false, t.Applied(err)
		}
	}
	l.count, l.left = len(items), len(items)
	l.noteSizes(items)
	return items, false, l.parseHeader(header)
}

// runClaim runs claim.lua and returns its result without the items, and the
// items. If the script does not return them, they are read in the same round
// trip.
func (l *lease) runClaim(ctx context.Context, n int, args []string, list string) (result, items []rueidis.RedisMessage, err error) {
	s, more := l.queue.unconditional(), append([]string{list}, l.queue.schedule()...)
	script := claimScript
	if l.queue.storesOrigins() {
		script = claimOriginsScript
	}
	if n <= returnedItems {
		m, err := s.Run(ctx, l.target, script, args, more...)
		if err != nil {
			return nil, nil, err
		}
		parts, err := l.readResult(m)
		if err != nil {
			return nil, nil, err
		}
		return parts[:3], parts[3:], nil
	}
	read := func() rueidis.Completed { return s.Client.B().Lrange().Key(list).Start(0).Stop(-1).Build() }
	m, reply, err := s.RunThenRead(ctx, l.target, script, args, more, read)
	if err == nil {
		err = store.Shape(store.Texts).Check(l.target, reply)
	}
	if err != nil {
		return nil, nil, err
	}
	if result, err = l.readResult(m); err != nil {
		return nil, nil, err
	}
	if items, err = reply.ToArray(); err != nil {
		return nil, nil, l.target.Applied(err)
	}
	return result, items, nil
}

// readResult returns the result of claim.lua, and keeps the origins that
// claim_origins.lua adds.
func (l *lease) readResult(m rueidis.RedisMessage) ([]rueidis.RedisMessage, error) {
	parts, err := m.ToArray()
	if err == nil && l.queue.storesOrigins() {
		l.origins = readOrigins(parts[1])
		parts, err = parts[0].ToArray()
	}
	if err != nil {
		return nil, l.target.Applied(err)
	}
	return parts, nil
}

// readWarnings reads the warnings of claim.lua's result into l.warning, and
// reports whether another run may claim items. It also continues the renewal of
// the keys beside the queue.
func (l *lease) readWarnings(ctx context.Context, m rueidis.RedisMessage) (more bool) {
	optional, err := m.ToArray()
	if err != nil { // there are none
		return false
	}
	ordered, _ := optional[4].AsInt64()
	l.ordered = ordered == 1
	again, _ := optional[0].AsInt64()
	foreign, _ := optional[1].AsInt64()
	skipped, _ := optional[2].ToString()
	if died, _ := optional[5].AsInt64(); died > 0 {
		l.queue.trimDead(ctx, l.target)
	}
	if foreign > 0 {
		if l.foreign == nil {
			l.foreign = &ForeignEntriesError{Key: l.target.Key}
			l.warning = errors.Join(l.warning, l.foreign)
		}
		l.foreign.Count += int(foreign)
	}
	if skipped != "" && again == 0 {
		l.warning = errors.Join(l.warning, l.target.Applied(wrongTypeError(skipped)))
	}
	if from, _ := optional[3].AsInt64(); from != 0 {
		l.warning = errors.Join(l.warning, l.queue.renewBeside(ctx, l.target, from))
	}
	return again > 0
}

// parseHeader reads the header of the claim; see lua/shared.lua.
func (l *lease) parseHeader(header string) error {
	first, items, _ := strings.Cut(header, " ")
	l.header, l.birth = header, first
	for f := range strings.SplitSeq(items, " ") {
		if f == "" {
			continue
		}
		parts := strings.Split(f, "=")
		if len(parts) != 3 {
			return l.target.Applied(fmt.Errorf("the claim's header holds %.100q; expected <place>=<id>=<count>", f))
		}
		place, errPlace := strconv.Atoi(parts[0])
		attempt, errAttempt := parseDeliveries(parts[2])
		if err := errors.Join(errPlace, errAttempt); err != nil {
			return l.target.Applied(err)
		}
		if l.redelivered == nil {
			l.redelivered = map[int]delivery{}
		}
		l.redelivered[place] = delivery{parts[1], attempt}
	}
	return nil
}

// parseDeliveries returns the number of deliveries of a count; see
// lua/shared.lua.
func parseDeliveries(count string) (int, error) {
	n, _, _ := strings.Cut(count, "~")
	return strconv.Atoi(n)
}

// ids returns the ids of the items in their order. The ids of first deliveries
// are parts of one string, which saves allocations.
func (l *lease) ids() []string {
	const digits = 7
	prefix := l.birth + "-"
	var b strings.Builder
	b.Grow(l.count * (len(prefix) + digits))
	ids := make([]string, l.count)
	var buf [20]byte
	for i := range ids {
		if d, ok := l.redelivered[i+1]; ok {
			ids[i] = d.id
			continue
		}
		from := b.Len()
		b.WriteString(prefix)
		b.Write(strconv.AppendInt(buf[:0], int64(i+1), 10))
		ids[i] = b.String()[from:]
	}
	return ids
}

// attempt returns the attempt of the item at place.
func (l *lease) attempt(place int) int {
	if d, ok := l.redelivered[place]; ok {
		return d.attempt
	}
	return 1
}
