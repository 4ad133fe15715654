package expiry

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/store"
)

// queue is the schedule of one action in one shard: what the scripts know of it.
type queue struct {
	client   rueidis.Client
	lua      *scripts
	shard    string
	action   string // as keys spell it
	channel  string
	due      string
	active   string
	status   string
	payloads string
	dead     string
	fired    string
	handled  string
	swept    string
	sweeping string
	setback  string

	literals []string // what all keys of its triggers have, in this order

	pendingCount, deadCount atomic.Int64 // as of the last claim
}

func newQueue(c rueidis.Client, n naming, shard, action string) *queue {
	beside := func(kind string) string { return n.scheduleKey(kind, shard, action) }
	return &queue{
		client: c, lua: lua, shard: shard, action: action, channel: beside("wake"),
		due: beside("due"), active: beside("active"), status: beside("status"), payloads: beside("payloads"),
		dead: beside("dead"), fired: beside("fired"), handled: beside("handled"),
		swept: beside("swept"), sweeping: beside("sweeping"), setback: beside("setback"), literals: n.literals(shard, action),
	}
}

// firing is one attempt at one trigger that fell due.
type firing struct {
	member  string
	status  string
	payload *string
}

// claimed is the answer of a claim.
type claimResult struct {
	now       int64 // the server's clock in microseconds
	next      int64 // when there is more, in milliseconds; -1: nothing is known
	dropped   int64 // how many due entries were cancelled or moved
	expired   int64
	invalid   invalidEntries
	wrongType []string // the keys that hold another type
	died      []firing // dead letters now, without payloads
	firings   []firing
}

// oddities are entries that could not be processed as they were. They are dead
// letters now, or were put right.
type invalidEntries struct {
	count    int64
	examples []string
}

// heaviest is how many bytes of payloads one claim takes, beyond those of one
// firing.
const maxPayloadBytes = 4 << 20

// claim takes up to n firings, and buries those whose leases lapsed most times. It
// is never repeated by itself: what a lost answer named is claimed until its lease
// lapses.
func (q *queue) claim(ctx context.Context, n int, lease time.Duration, most int) (claimResult, error) {
	args := append([]string{strconv.Itoa(n), store.Milliseconds(lease), strconv.Itoa(most), strconv.Itoa(maxPayloadBytes)}, q.literals...)
	m, err := runScript(ctx, q.client, q.lua.claim, []string{q.due, q.active, q.status, q.payloads, q.dead, q.fired}, args)
	if err != nil {
		return claimResult{}, err
	}
	answer, err := m.ToArray()
	if err != nil {
		return claimResult{}, err
	}
	return q.readClaim(answer)
}

const (
	claimNumbers = 8
	claimHeader  = claimNumbers + 3
)

func (q *queue) readClaim(answer []rueidis.RedisMessage) (claimResult, error) {
	if len(answer) < claimHeader || (len(answer)-claimHeader)%3 != 0 {
		return claimResult{}, errReply
	}
	var header [claimNumbers]int64
	for i := range header {
		n, err := answer[i].AsInt64()
		if err != nil {
			return claimResult{}, err
		}
		header[i] = n
	}
	q.pendingCount.Store(header[2])
	q.deadCount.Store(header[3])
	c := claimResult{now: header[0], next: header[1], dropped: header[4] + header[5], expired: header[6]}
	c.invalid.count = header[7]
	var err error
	if c.died, err = readDied(answer[claimNumbers]); err != nil {
		return claimResult{}, err
	}
	if c.wrongType, err = answer[claimNumbers+1].AsStrSlice(); err != nil {
		return claimResult{}, err
	}
	if c.invalid.examples, err = answer[claimNumbers+2].AsStrSlice(); err != nil {
		return claimResult{}, err
	}
	for i := claimHeader; i < len(answer); i += 3 {
		f, err := readFiring(answer[i], answer[i+1], answer[i+2])
		if err != nil {
			return claimResult{}, err
		}
		c.firings = append(c.firings, f)
	}
	return c, nil
}

func readDied(answer rueidis.RedisMessage) (all []firing, err error) {
	texts, err := answer.AsStrSlice()
	for i := 0; i+1 < len(texts); i += 2 {
		all = append(all, firing{member: texts[i], status: texts[i+1]})
	}
	return all, err
}

func readFiring(member, record, payload rueidis.RedisMessage) (f firing, err error) {
	if f.member, err = member.ToString(); err != nil {
		return f, err
	}
	if f.status, err = record.ToString(); err != nil {
		return f, err
	}
	if payload.IsNil() {
		return f, nil
	}
	text, err := payload.ToString()
	f.payload = &text
	return f, err
}

// token is what proves a claim: the firing and the number of its attempt.
type token struct {
	member  string
	attempt int
}

func tokens(args []string, ts []token) []string {
	for _, t := range ts {
		args = append(args, t.member, strconv.Itoa(t.attempt))
	}
	return args
}

// ack ends work that succeeded, and gives the places of the tokens that are not
// valid any more.
func (q *queue) ack(ctx context.Context, ts []token) ([]int, error) {
	m, err := runScript(ctx, q.client, q.lua.ack, []string{q.active, q.status, q.payloads}, tokens(nil, ts))
	return indexes(m, err, len(ts))
}

// extend renews leases, and gives the places of the tokens that are not valid
// any more.
func (q *queue) renew(ctx context.Context, ts []token, lease time.Duration) ([]int, error) {
	m, err := runScript(ctx, q.client, q.lua.renew, []string{q.active, q.status}, tokens([]string{store.Milliseconds(lease)}, ts))
	return indexes(m, err, len(ts))
}

func indexes(m rueidis.RedisMessage, err error, limit int) ([]int, error) {
	if err != nil {
		return nil, err
	}
	numbers, err := m.AsIntSlice()
	if err != nil {
		return nil, err
	}
	all := make([]int, 0, len(numbers))
	for _, n := range numbers {
		if n < 1 || int(n) > limit {
			return nil, errReply
		}
		all = append(all, int(n)-1)
	}
	return all, nil
}

// fate is what became of work that was put back.
type putBackResult int64

const (
	putBackLost    putBackResult = 0
	putBackWaiting putBackResult = 1
	putBackDead    putBackResult = 2
)

// fail puts work back after a failure: a dead letter if it was the last that
// may be.
func (q *queue) fail(ctx context.Context, t token, delay time.Duration, most int, why string) (putBackResult, error) {
	return q.putBack(ctx, t, store.Milliseconds(delay), strconv.Itoa(most), why)
}

// release puts work back that was neither done nor failed.
func (q *queue) release(ctx context.Context, t token) (putBackResult, error) {
	return q.putBack(ctx, t, "0", "0", "")
}

func (q *queue) putBack(ctx context.Context, t token, delay, most, why string) (putBackResult, error) {
	args := []string{t.member, strconv.Itoa(t.attempt), delay, most, why}
	m, err := runScript(ctx, q.client, q.lua.putBack, []string{q.active, q.status, q.dead}, args)
	return asNumber[putBackResult](m, err)
}

// bury makes dead letters of claimed firings that cannot be read.
func (q *queue) deadLetter(ctx context.Context, fs []firing, why []string) (int64, error) {
	args := make([]string, 0, 3*len(fs))
	for i, f := range fs {
		args = append(args, f.member, f.status, why[i])
	}
	m, err := runScript(ctx, q.client, q.lua.deadLetter, []string{q.active, q.status, q.dead}, args)
	return asNumber[int64](m, err)
}

// revive gives a dead letter new attempts, and reports whether there was one.
func (q *queue) retry(ctx context.Context, member string) (bool, error) {
	m, err := runScript(ctx, q.client, q.lua.retry, []string{q.active, q.status, q.dead}, []string{member})
	n, err := asNumber[int64](m, err)
	return n == 1, err
}

// discard removes a dead letter, and reports whether there was one.
func (q *queue) discard(ctx context.Context, member string) (bool, error) {
	m, err := runScript(ctx, q.client, q.lua.discard, []string{q.status, q.dead, q.payloads}, []string{member})
	n, err := asNumber[int64](m, err)
	return n == 1, err
}

func asNumber[N ~int64](m rueidis.RedisMessage, err error) (N, error) {
	if err != nil {
		return 0, err
	}
	n, err := m.AsInt64()
	return N(n), err
}

// knowledge is what is known of triggers that another writer may have changed.
type changeKind string

const (
	keyMayExist changeKind = "set"     // they may be there, with a time of their own
	keyExpired  changeKind = "expired" // their keys ended
)

// adopt brings the schedule in line with what other writers did to the keys,
// and reports whether anything changed.
func (q *queue) adopt(ctx context.Context, what changeKind, keys []string) (bool, error) {
	all := append([]string{q.due, q.payloads, q.fired}, keys...)
	m, err := runScript(ctx, q.client, q.lua.adopt, all, []string{string(what)})
	n, err := asNumber[int64](m, err)
	return n > 0, err
}

// page is one page of a key that a sweep compares with the others.
type repairPage struct {
	next                uint64 // 0: it was the last
	cancelled, repaired int64
	invalid             invalidEntries
}

// setback tells that the server's clock was set back by a step. Entries of run
// that end in more than ahead were written before.
type clockStep struct{ by, ahead time.Duration }

// mend compares a page of due, run, att, pay or dead with the other keys, and puts
// right what does not agree.
func (q *queue) repair(ctx context.Context, which string, cursor uint64, count int, lease time.Duration, b clockStep) (repairPage, error) {
	args := append([]string{
		which, strconv.FormatUint(cursor, 10), strconv.Itoa(count), store.Milliseconds(lease),
		store.Milliseconds(b.by), store.Milliseconds(b.ahead),
	}, q.literals...)
	m, err := runScript(ctx, q.client, q.lua.repair, []string{q.due, q.active, q.status, q.payloads, q.dead}, args)
	if err != nil {
		return repairPage{}, err
	}
	answer, err := m.ToArray()
	if err != nil || len(answer) != 5 {
		return repairPage{}, errReply
	}
	var p repairPage
	if p.next, err = answer[0].AsUint64(); err != nil {
		return repairPage{}, err
	}
	for i, into := range []*int64{&p.cancelled, &p.repaired, &p.invalid.count} {
		if *into, err = answer[i+1].AsInt64(); err != nil {
			return repairPage{}, err
		}
	}
	p.invalid.examples, err = answer[4].AsStrSlice()
	return p, err
}

// turnKept is how long a turn to sweep is kept without a sign of life.
const sweepLockTTL = 10 * time.Second

// takeTurn asks for the turn to do a sweep that is wanted since a while. began
// is the turn, 0: another's sweep was or is being done.
func (q *queue) beginSweep(ctx context.Context, since time.Duration, name string) (began int64, wait bool, err error) {
	args := []string{strconv.FormatInt(since.Microseconds(), 10), name, store.Milliseconds(sweepLockTTL)}
	m, err := runScript(ctx, q.client, q.lua.beginSweep, []string{q.swept, q.sweeping}, args)
	if err != nil {
		return 0, false, err
	}
	n, err := m.AsInt64()
	if n < 2 {
		return 0, n == 1, err
	}
	return n, false, err
}

// keepTurn renews the turn.
func (q *queue) renewSweep(ctx context.Context, name string) error {
	_, err := runScript(ctx, q.client, q.lua.renewSweep, []string{q.sweeping}, []string{name, store.Milliseconds(sweepLockTTL)})
	return err
}

// endTurn gives the turn back; began is 0 where the sweep was not finished.
func (q *queue) endSweep(ctx context.Context, began int64, name string) error {
	at := ""
	if began > 0 {
		at = strconv.FormatInt(began, 10)
	}
	_, err := runScript(ctx, q.client, q.lua.endSweep, []string{q.swept, q.sweeping}, []string{at, name, store.Milliseconds(24 * time.Hour)})
	return err
}
