package listrepo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// lease is a Claim without its type parameter. The server decides what is still
// held; open only keeps a caller from settling an item twice.
type lease struct {
	queue   *queue
	target  fault.Target
	token   string
	header  string // see lua/shared.lua
	first   string // and what the ids of first deliveries begin with
	count   int
	numbers map[int]number       // by place, from 1, of the items delivered before
	strange *ForeignEntriesError // of beside; nil: none
	beside  error                // what is wrong although the claim is good: that another, which was to end with it, was lost; strange entries

	sizes []int // of the items, if they are too many bytes for one script; else nil

	mu   sync.Mutex
	open map[string]int // places by id; nil: none is settled
	left int
	kept int // of those, items that the caller has not got: they come again when the lease expires
}

// number is an item's identity and how often it was delivered.
type number struct {
	id      string
	attempt int
}

var (
	//go:embed lua/clock.lua
	clockSource string
	//go:embed lua/shared.lua
	sharedSource string
	//go:embed lua/claim.lua
	claimSource string
	//go:embed lua/claim_redelivered.lua
	claimRedeliveredSource string
	//go:embed lua/ack.lua
	ackSource string
	//go:embed lua/release.lua
	releaseSource string
	//go:embed lua/extend.lua
	extendSource string

	claimReply = store.Either(store.Tuple(store.Text, store.Count),
		store.Tuple(store.Text, store.Count, store.Count, store.Count, store.Text, store.Number)) //nolint:gocritic // a reply may hold several counts
	claimScript   = store.NewTypedScript(clockSource+claimSource+sharedSource+claimRedeliveredSource, claimReply)
	releaseScript = store.NewScript(clockSource+sharedSource+releaseSource, store.Either(store.Flag, store.Tuple(store.Number)))
	ackScript     = rueidis.NewLuaScript(acl.RegisterScript(ackSource))
	extendScript  = rueidis.NewLuaScript(acl.RegisterScript(extendSource))
)

// tokenLen is how much of 130 random bits a token has: enough for the claims of
// one queue at one time.
const tokenLen = 13

// claim takes items, and ends the claim before, if there is one: nothing of it may
// be settled meanwhile. The lease is nil where nothing was sent.
func (q *queue) claim(ctx context.Context, op, id string, n int, d time.Duration, before *lease) (*lease, []string, error) {
	t, err := q.beginClaim(ctx, op, id, n, d)
	if err != nil || n == 0 {
		return nil, nil, err
	}
	l := &lease{queue: q, target: t}
	texts, more, err := l.take(ctx, n, d, before)
	for applied := before != nil; more && err == nil; applied = true {
		texts, more, err = l.take(ctx, n, d, nil)
		if err != nil && applied {
			err = partly(t, err)
		}
	}
	return l, texts, err
}

// beginClaim refuses a claim that cannot be made, before anything is sent.
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
	return t, nil
}

// take asks for items once. If it has none it reports whether there are more to
// be had.
func (l *lease) take(ctx context.Context, n int, d time.Duration, before *lease) ([]string, bool, error) {
	q, t := l.queue, l.target
	l.token = rand.Text()[:tokenLen]
	items := beside(t, "claim-"+l.token)
	args := []string{l.token, strconv.Itoa(n), store.Milliseconds(d), strconv.Itoa(q.MaxAttempts), ""}
	if before != nil {
		args[4] = before.header
	}
	if !q.marks.none() {
		args = append(args, q.marks.Queue, store.Milliseconds(pending.Idle))
	}
	read := func() rueidis.Completed { return q.Client.B().Lrange().Key(items).Start(0).Stop(-1).Build() }
	m, reply, err := q.unconditional().RunRead(ctx, t, claimScript, args, append([]string{items}, q.index()...), read)
	if err != nil {
		return nil, false, q.explained(ctx, t, err)
	}
	result, err := m.ToArray()
	if err == nil && len(result) < 2 {
		err = errors.New("claim.lua answered something else than a result")
	}
	if err != nil {
		return nil, false, t.Applied(err)
	}
	if before != nil {
		l.beside = before.ended(result[1])
	}
	more := l.noteStrange(ctx, result[2:])
	header, err := result[0].ToString()
	if err != nil || header == "" {
		return nil, more, err
	}
	if err := store.Reply(store.Texts).Check(t, reply); err != nil {
		return nil, false, err
	}
	texts, err := reply.AsStrSlice()
	if err == nil && len(texts) == 0 {
		err = fmt.Errorf("%w: the lease expired, or the items were removed, before they could be read", fault.ErrLeaseLost)
	}
	if err != nil {
		return nil, false, t.Applied(err)
	}
	l.count, l.left = len(texts), len(texts)
	l.weigh(texts)
	return texts, false, l.parse(header)
}

// releaseBytes is how much one script puts back: to pass a megabyte through a
// script takes some milliseconds.
const releaseBytes = 1 << 20

// weigh notes the sizes of items that are more than one script puts back.
func (l *lease) weigh(texts []string) {
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	if total <= releaseBytes {
		return
	}
	l.sizes = make([]int, len(texts))
	for i, text := range texts {
		l.sizes[i] = len(text)
	}
}

// noteStrange reads what claim.lua found beside the queue: whether there are items
// that the next call can have, how many strange entries it set aside, a key of
// another type, and claims that a service with a shorter lifetime may have made.
func (l *lease) noteStrange(ctx context.Context, found []rueidis.RedisMessage) (more bool) {
	if len(found) != 4 {
		return false
	}
	next, _ := found[0].AsInt64()
	strange, _ := found[1].AsInt64()
	key, _ := found[2].ToString()
	if strange > 0 {
		if l.strange == nil {
			l.strange = &ForeignEntriesError{Key: l.target.Key}
			l.beside = errors.Join(l.beside, l.strange)
		}
		l.strange.Count += int(strange)
	}
	if key != "" && next == 0 {
		l.beside = errors.Join(l.beside, l.target.Applied(mistyped(key)))
	}
	if rest, _ := found[3].AsInt64(); rest != 0 {
		l.beside = errors.Join(l.beside, l.queue.renewRest(ctx, l.target, strconv.FormatInt(rest, 10)))
	}
	return next > 0
}

// parse reads the header of a claim; see lua/shared.lua.
func (l *lease) parse(header string) error {
	first, rest, _ := strings.Cut(header, " ")
	l.header, l.first = header, first
	for f := range strings.SplitSeq(rest, " ") {
		if f == "" {
			continue
		}
		parts := strings.Split(f, "=")
		if len(parts) != 3 {
			return l.target.Applied(fmt.Errorf("the claim's header has %q in it", f))
		}
		place, errPlace := strconv.Atoi(parts[0])
		attempt, errAttempt := deliveries(parts[2])
		if err := errors.Join(errPlace, errAttempt); err != nil {
			return l.target.Applied(err)
		}
		if l.numbers == nil {
			l.numbers = map[int]number{}
		}
		l.numbers[place] = number{parts[1], attempt}
	}
	return nil
}

// deliveries reads how often an item was delivered from a count; see
// lua/shared.lua.
func deliveries(count string) (int, error) {
	n, _, _ := strings.Cut(count, "~")
	return strconv.Atoi(n)
}

// ids are the items' identities in order. Those of first deliveries are slices
// of one text.
func (l *lease) ids() []string {
	const digits = 7
	prefix := l.first + "-"
	var b strings.Builder
	b.Grow(l.count * (len(prefix) + digits))
	ids := make([]string, l.count)
	var buf [20]byte
	for i := range ids {
		if n, ok := l.numbers[i+1]; ok {
			ids[i] = n.id
			continue
		}
		from := b.Len()
		b.WriteString(prefix)
		b.Write(strconv.AppendInt(buf[:0], int64(i+1), 10))
		ids[i] = b.String()[from:]
	}
	return ids
}

func (l *lease) attempt(place int) int {
	if n, ok := l.numbers[place]; ok {
		return n.attempt
	}
	return 1
}

// settle runs do for the items that are named, or for all that the caller has got
// and not settled, and takes them for settled when it succeeds. Places are nil for
// all items of the claim.
func (l *lease) settle(ctx context.Context, op string, ids []string, do func(l *lease, places []int) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target.Op = op
	return l.settleLocked(ctx, ids, do)
}

func (l *lease) settleLocked(ctx context.Context, ids []string, do func(l *lease, places []int) error) error {
	if err := fault.ContextError(ctx); err != nil {
		return l.target.NotApplied(err)
	}
	if len(ids) == 0 {
		if l.left == 0 {
			return nil
		}
		if l.kept == 0 {
			if err := do(l, nil); err != nil {
				return err
			}
			l.close()
			return nil
		}
		ids = slices.Collect(maps.Keys(l.open))
	}
	places, err := l.places(ids)
	if err != nil {
		return err
	}
	if err := do(l, places); err != nil {
		return err
	}
	for _, id := range ids {
		delete(l.open, id)
	}
	l.left = len(l.open)
	return nil
}

// withhold takes items that could not be made dead letters out of what the caller
// can settle. They stay in the lease.
func (l *lease) withhold(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index()
	for _, id := range ids {
		delete(l.open, id)
	}
	l.left, l.kept = len(l.open), len(ids)
}

// close takes all items for settled.
func (l *lease) close() { l.left, l.open = 0, map[string]int{} }

// ended reads what a later claim answers of this one.
func (l *lease) ended(m rueidis.RedisMessage) error {
	err := l.answered(m)
	if err == nil {
		l.close()
	}
	return err
}

// index makes the map of the items that are not settled.
func (l *lease) index() {
	if l.open == nil {
		l.open = make(map[string]int, l.count)
		for i, id := range l.ids() {
			l.open[id] = i + 1
		}
	}
}

// holds are those of the ids whose items the caller has got and not settled, each
// once.
func (l *lease) holds(ids []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index()
	var held []string
	for _, id := range ids {
		if _, ok := l.open[id]; ok && !slices.Contains(held, id) {
			held = append(held, id)
		}
	}
	return held
}

func (l *lease) places(ids []string) ([]int, error) {
	l.index()
	places := make([]int, len(ids))
	for i, id := range ids {
		place, ok := l.open[id]
		if !ok {
			return nil, l.target.NotApplied(&foreignItemError{id})
		}
		places[i] = place
	}
	return places, nil
}

func (l *lease) ack(ctx context.Context, places []int) error {
	q := l.queue
	items, settled, _ := claimKeys(l.target, l.token)
	due := beside(l.target, queuekey.Due)
	if places != nil {
		return l.held(ctx, ackScript.Exec(ctx, q.Client, []string{items, settled, due}, append([]string{l.header}, texts(places)...)))
	}
	keys := []string{items, settled}
	if l.open == nil { // so nothing was settled
		keys = keys[:1]
	}
	results := q.Client.DoMulti(ctx, q.Client.B().Unlink().Key(keys...).Build(), q.Client.B().Zrem().Key(due).Member(l.header).Build())
	// The first ends the claim. What the second leaves behind, the next claim finds.
	return l.held(ctx, results[0])
}

// fate is what becomes of the items that a claim does not keep.
type fate struct {
	attempts int    // an item with so many behind it is parked; 0: none is
	reason   string // that a parked item carries
	free     bool   // the delivery does not count as an attempt
}

// release ends the claim on items, those in the given places or all. It sends
// one script, or, so that none works on much more than releaseBytes, several: the
// last items first, since each script puts its items in front.
func (l *lease) release(ctx context.Context, places []int, f fate) error {
	if l.sizes == nil {
		return l.releaseSome(ctx, places, f)
	}
	if places == nil {
		l.index()
		places = slices.Collect(maps.Values(l.open))
	}
	places = slices.Sorted(slices.Values(places))
	for applied := false; len(places) > 0; applied = true {
		first := l.lastBytes(places)
		if err := l.releaseSome(ctx, places[first:], f); err != nil && applied {
			return partly(l.target, err)
		} else if err != nil {
			return err
		}
		places = places[:first]
	}
	return nil
}

// lastBytes returns from which index on the items in some places are at most
// releaseBytes together, or one.
func (l *lease) lastBytes(places []int) int {
	first := len(places) - 1
	for bytes := l.sizes[places[first]-1]; first > 0; first-- {
		if bytes += l.sizes[places[first-1]-1]; bytes > releaseBytes {
			break
		}
	}
	return first
}

func (l *lease) releaseSome(ctx context.Context, places []int, f fate) error {
	q, t := l.queue, l.target
	items, settled, _ := claimKeys(t, l.token)
	keys := append([]string{items, settled, beside(t, queuekey.Due), beside(t, queuekey.Back), beside(t, queuekey.Dead), beside(t, queuekey.Age)}, q.indexAndSet()...)
	args := []string{l.header, strconv.Itoa(f.attempts), f.reason, "", q.marks.Queue, q.marks.Member}
	if f.free {
		args[3] = "1"
	}
	m, err := q.unconditional().Run(ctx, t, releaseScript, append(args, texts(places)...), keys...)
	if err != nil {
		return q.explained(ctx, t, err)
	}
	if !m.IsArray() {
		return l.answered(m)
	}
	more, err := m.AsIntSlice()
	if err != nil || len(more) != 1 {
		return t.Applied(errors.Join(errors.New("release.lua answered something else than a number"), err))
	}
	return q.renewRest(ctx, t, strconv.FormatInt(more[0], 10))
}

// park puts items among the dead, whatever attempts they have left.
func (l *lease) park(ctx context.Context, ids []string, reason string) error {
	ctx = context.WithoutCancel(ctx)
	return l.settle(ctx, l.target.Op, ids, func(l *lease, places []int) error {
		return l.release(ctx, places, fate{attempts: 1, reason: reason})
	})
}

func (l *lease) extend(ctx context.Context, d time.Duration) error {
	t := l.target
	t.Op = "Extend"
	if err := option.CheckLease(d); err != nil {
		return t.NotApplied(err)
	}
	items, settled, _ := claimKeys(t, l.token)
	keys := []string{items, settled, beside(t, queuekey.Due)}
	args := []string{l.header, store.Milliseconds(d), l.queue.Milliseconds()}
	return (&lease{target: t, queue: l.queue}).held(ctx, extendScript.Exec(ctx, l.queue.Client, keys, args))
}

// held reads the reply of what settles or renews.
func (l *lease) held(ctx context.Context, r rueidis.RedisResult) error {
	m, err := r.ToMessage()
	if err != nil {
		return l.queue.explained(ctx, l.target, l.target.Failed(err))
	}
	return l.answered(m)
}

// answered reads the answer of what settles or renews: 0 if the claim was lost.
func (l *lease) answered(m rueidis.RedisMessage) error {
	if err := store.Reply(store.Count).Check(l.target, m); err != nil {
		return err
	}
	if n, _ := m.ToInt64(); n == 0 {
		return l.target.NotApplied(fmt.Errorf("%w: another claim took the items over, or they were removed, by an eviction or by hand", fault.ErrLeaseLost))
	}
	return nil
}

func texts(places []int) []string {
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = strconv.Itoa(p)
	}
	return out
}
