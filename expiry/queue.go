package expiry

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/store"
)

// queue holds the keys of the schedule of one action in one shard, and runs the
// scripts on them.
type queue struct {
	client   rueidis.Client
	lua      *scripts
	shard    string
	action   string // as keys contain it
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
	backlog  string
	ready    string // followed by a tenant
	tenants  string
	earlier  string
	running  string // followed by a tenant

	perTenant int // see [Config.PerTenant]

	literals []string // of the keys of its triggers

	pendingCount, deadCount atomic.Int64 // at the last claim that counted, or look
	countedAt               time.Time    // when a claim last counted
}

func newQueue(c rueidis.Client, n naming, shard, action string) *queue {
	key := func(kind string) string { return n.scheduleKey(kind, shard, action) }
	return &queue{
		client: c, lua: lua, shard: shard, action: action, channel: key("wake"),
		due: key("due"), active: key("active"), status: key("status"), payloads: key("payloads"),
		dead: key("dead"), fired: key("fired"), handled: key("handled"),
		swept: key("swept"), sweeping: key("sweeping"), setback: key("setback"),
		backlog: key("backlog"), ready: key("ready") + ":", tenants: key("tenants"), earlier: key("earlier"), running: n.scheduleKey("running", "", ""), literals: n.literals(shard, action),
	}
}

// readyKey returns the key of what is ready of a tenant. The tenant is written
// as in keys of triggers.
func (q *queue) readyKey(tenant string) string {
	return q.ready + tenant
}

// firing is a trigger that fired, as Redis holds it. Its member is
// `<due>|<key>`.
type firing struct {
	member  string
	status  string
	payload *string
}

// claimResult is the result of claim.
type claimResult struct {
	now       int64 // the server's clock in microseconds
	next      int64 // when the next entry is due, in milliseconds; -1 if there is none
	again     bool  // whether there was too much to read, so that the next claim is due now
	dropped   int64 // due entries that were cancelled or moved
	expired   int64 // leases
	invalid   invalidEntries
	wrongType []string // keys that hold another type
	died      []firing // firings that became dead letters, without payloads
	firings   []firing
}

// invalidEntries are entries that could not be processed. They were repaired or
// became dead letters.
type invalidEntries struct {
	count    int64
	examples []string
}

// maxPayloadBytes is the size of payloads after which a claim takes no more
// firings.
const maxPayloadBytes = 4 << 20

// claim claims up to n firings. A firing whose lease expired for the
// maxExpired-th time becomes a dead letter. The client does not repeat the
// call: if a reply is lost, its firings stay claimed until their leases expire.
func (q *queue) claim(ctx context.Context, n int, lease time.Duration, maxExpired int) (claimResult, error) {
	return q.readClaim(runScript(ctx, q.client, q.lua.claim, q.claimKeys(), q.claimArgs(n, lease, maxExpired)))
}

func (q *queue) claimKeys() []string {
	return []string{q.due, q.active, q.status, q.payloads, q.dead, q.fired, q.backlog, q.tenants, q.earlier}
}

func (q *queue) claimArgs(n int, lease time.Duration, maxExpired int) []string {
	counts := ""
	if time.Since(q.countedAt) > countPeriod {
		counts = "1"
	}
	numbers := []string{strconv.Itoa(n), duration.Milliseconds(lease), strconv.Itoa(maxExpired), strconv.Itoa(maxPayloadBytes), counts, strconv.Itoa(q.perTenant)}
	return append(numbers, q.literals...)
}

// countPeriod is how old the numbers of pending triggers and dead letters may
// be while there is more work than a claim takes. Every other claim counts.
const countPeriod = 100 * time.Millisecond

// claimAgain is in place of the time of the next entry.
const claimAgain = -2

const (
	claimNumbers = 8
	claimHeader  = claimNumbers + 3
)

func (q *queue) readClaim(m rueidis.RedisMessage, err error) (claimResult, error) {
	if err != nil {
		return claimResult{}, err
	}
	answer, err := m.ToArray()
	if err != nil {
		return claimResult{}, err
	}
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
	if header[2] >= 0 {
		q.countedAt = time.Now()
		q.pendingCount.Store(header[2])
		q.deadCount.Store(header[3])
	}
	c := claimResult{now: header[0], next: max(header[1], -1), again: header[1] == claimAgain, dropped: header[4] + header[5], expired: header[6]}
	c.invalid.count = header[7]
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

// token proves a claim: the firing and the number of the attempt.
type token struct {
	member  string
	attempt int
}

func tokens(args []string, claims []token) []string {
	for _, t := range claims {
		args = append(args, t.member, strconv.Itoa(t.attempt))
	}
	return args
}

// ack ends firings that succeeded. It returns the indexes of the tokens whose
// claim was lost.
func (q *queue) ack(ctx context.Context, claims []token) ([]int, error) {
	m, err := runScript(ctx, q.client, q.lua.ack, q.ackKeys(), tokens(nil, claims))
	return indexes(m, err, len(claims))
}

func (q *queue) ackKeys() []string { return []string{q.active, q.status, q.payloads, q.due, q.dead} }

// renewal is when a recurring trigger is due next, and the rule for which this
// was computed.
type renewal struct {
	rule *recurrence
	next time.Time
}

func (r renewal) args() []string {
	return []string{r.rule.text, strconv.FormatInt(r.next.UnixMilli(), 10)}
}

// ackRecurring ends firings of recurring triggers that succeeded, and sets the
// triggers again. It returns the indexes of the tokens whose claim was lost.
func (q *queue) ackRecurring(ctx context.Context, claims []token, renewals []renewal) ([]int, error) {
	var args []string
	for i, t := range claims {
		args = append(append(args, t.member, strconv.Itoa(t.attempt)), renewals[i].args()...)
	}
	keys := []string{q.active, q.status, q.payloads, q.due, q.dead}
	m, err := runScript(ctx, q.client, q.lua.ackRecurring, keys, args)
	return indexes(m, err, len(claims))
}

// acked is the result of ack, and claimed that of claim.
type (
	acked struct {
		lost []int
		err  error
	}
	claimed struct {
		result claimResult
		err    error
	}
)

// ackAndClaim is ack, followed by claim, in one round trip. The client repeats
// neither.
func (q *queue) ackAndClaim(ctx context.Context, claims []token, n int, lease time.Duration, maxExpired int) (a acked, c claimed) {
	results := q.client.DoMulti(ctx,
		q.lua.ack.command(q.client, q.ackKeys(), tokens(nil, claims)),
		q.lua.claim.command(q.client, q.claimKeys(), q.claimArgs(n, lease, maxExpired)))
	if store.IsNoScript(results[0]) {
		a.lost, a.err = q.ack(ctx, claims)
	} else {
		m, err := q.lua.ack.read(results[0])
		a.lost, a.err = indexes(m, err, len(claims))
	}
	if store.IsNoScript(results[1]) {
		c.result, c.err = q.claim(ctx, n, lease, maxExpired)
	} else {
		c.result, c.err = q.readClaim(q.lua.claim.read(results[1]))
	}
	return a, c
}

// renew renews leases. It returns the indexes of the tokens whose claim was
// lost.
func (q *queue) renew(ctx context.Context, claims []token, lease time.Duration) ([]int, error) {
	m, err := runScript(ctx, q.client, q.lua.renew, []string{q.active, q.status}, tokens([]string{duration.Milliseconds(lease)}, claims))
	return indexes(m, err, len(claims))
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

// putBackResult is what putBack did with a firing.
type putBackResult int64

const (
	putBackLost    putBackResult = 0
	putBackWaiting putBackResult = 1
	putBackDead    putBackResult = 2
)

// fail ends an attempt that failed. If it was the maxFailures-th failure, the
// firing becomes a dead letter.
func (q *queue) fail(ctx context.Context, t token, delay time.Duration, maxFailures int, errorText string) (putBackResult, error) {
	return q.failRecurring(ctx, t, delay, maxFailures, errorText, nil)
}

// failRecurring is fail. If the firing becomes a dead letter, its trigger is
// set again.
func (q *queue) failRecurring(ctx context.Context, t token, delay time.Duration, maxFailures int, errorText string, r *renewal) (putBackResult, error) {
	return q.putBack(ctx, t, duration.Milliseconds(delay), strconv.Itoa(maxFailures), errorText, r)
}

// release ends an attempt without a success or a failure.
func (q *queue) release(ctx context.Context, t token) (putBackResult, error) {
	return q.putBack(ctx, t, "0", "0", "", nil)
}

func (q *queue) putBack(ctx context.Context, t token, delay, maxFailures, errorText string, r *renewal) (putBackResult, error) {
	keys := []string{q.active, q.status, q.dead, q.due}
	args := []string{t.member, strconv.Itoa(t.attempt), delay, maxFailures, errorText}
	if r != nil {
		keys, args = append(keys, q.payloads), append(args, r.args()...)
	}
	m, err := runScript(ctx, q.client, q.lua.putBack, keys, args)
	return asNumber[putBackResult](m, err)
}

// deadLetter makes dead letters of claimed firings that cannot be read, and
// returns their number.
func (q *queue) deadLetter(ctx context.Context, firings []firing, errs []string) (int64, error) {
	args := make([]string, 0, 3*len(firings))
	for i, f := range firings {
		args = append(args, f.member, f.status, errs[i])
	}
	m, err := runScript(ctx, q.client, q.lua.deadLetter, []string{q.active, q.status, q.dead, q.due}, args)
	return asNumber[int64](m, err)
}

// deadLetterResult is what retry or discard did with a dead letter.
type deadLetterResult int64

const (
	deadLetterMissing deadLetterResult = 0
	deadLetterGone    deadLetterResult = 1
	deadLetterWaits   deadLetterResult = 2 // until another firing of the trigger ends
)

// retry redelivers a dead letter, or lets it wait for its turn.
func (q *queue) retry(ctx context.Context, member string) (deadLetterResult, error) {
	m, err := runScript(ctx, q.client, q.lua.retry, []string{q.active, q.status, q.dead}, []string{member})
	return asNumber[deadLetterResult](m, err)
}

// discard removes a dead letter.
func (q *queue) discard(ctx context.Context, member string) (deadLetterResult, error) {
	m, err := runScript(ctx, q.client, q.lua.discard, []string{q.status, q.dead, q.payloads}, []string{member})
	return asNumber[deadLetterResult](m, err)
}

func asNumber[N ~int64](m rueidis.RedisMessage, err error) (N, error) {
	if err != nil {
		return 0, err
	}
	n, err := m.AsInt64()
	return N(n), err
}

// changeKind is how another client may have changed the keys of triggers.
type changeKind string

const (
	keyMayExist changeKind = "set"     // the keys may exist, with another expiry
	keyExpired  changeKind = "expired" // the keys expired
)

// adopt updates the schedule after other clients changed the keys of triggers.
// It reports whether the schedule changed.
func (q *queue) adopt(ctx context.Context, kind changeKind, keys []string) (bool, error) {
	all := append([]string{q.due, q.payloads, q.fired}, keys...)
	m, err := runScript(ctx, q.client, q.lua.adopt, all, []string{string(kind)})
	n, err := asNumber[int64](m, err)
	return n > 0, err
}

// repairPage is the result of repair.
type repairPage struct {
	next                uint64 // 0 after the last page
	cancelled, repaired int64
	invalid             invalidEntries
}

// clockStep is a step by which the server's clock was set back. Entries of
// active that are further than ahead in the future were written before it.
type clockStep struct{ by, ahead time.Duration }

// repair compares one page of a key of the schedule with the other keys, and
// repairs what does not agree. The kind is one of repairPasses.
func (q *queue) repair(ctx context.Context, kind string, cursor uint64, count int, lease time.Duration, step clockStep) (repairPage, error) {
	args := append([]string{
		kind, strconv.FormatUint(cursor, 10), strconv.Itoa(count), duration.Milliseconds(lease),
		duration.Milliseconds(step.by), duration.Milliseconds(step.ahead),
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

// sweepLockTTL is how long a listener may sweep without a renewal.
const sweepLockTTL = 10 * time.Second

// renewSweep renews the right to sweep.
func (q *queue) renewSweep(ctx context.Context, name string) error {
	_, err := runScript(ctx, q.client, q.lua.renewSweep, []string{q.sweeping}, []string{name, duration.Milliseconds(sweepLockTTL)})
	return err
}
