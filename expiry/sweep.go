package expiry

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/keyspace"
)

// requestSweep requests a sweep. Several requests cause one sweep.
func (s *session) requestSweep() { request(s.sweepRequests) }

// sweeper compares the schedules with the keys of triggers: after every
// subscription, and every [Config.Sweep]. A request has a time, and a sweep by
// any listener that began later fulfils it. So many listeners that start
// together do few sweeps.
type sweeper struct {
	*Listener
	*session
	name      string    // identifies this listener
	pageBegan time.Time // when the current page began
	renewedAt time.Time // when the locks were last renewed
}

// sweepLock is the right to sweep the queue of one consumer.
type sweepLock struct {
	*consumer
	began    string // by the server's clock, in microseconds
	existing string // a digit for each key that a sweep compares; see sweptKeys
}

const sweepPoll = 100 * time.Millisecond

func (l *Listener) sweep(s *session, m *testclock.Member) {
	defer m.Leave()
	w := &sweeper{Listener: l, session: s, name: rand.Text()}
	ticker := time.NewTicker(l.cfg.Sweep)
	defer ticker.Stop()
	first := time.AfterFunc(longestIdle, s.requestSweep) // in case that no subscription requests one
	defer first.Stop()
	for {
		select {
		case <-s.sweepRequests:
			first.Stop()
			m.Begin()
			w.sweep(time.Now())
			m.End(true)
		case now := <-ticker.C:
			w.sweep(now.Add(-l.cfg.Sweep * 9 / 10))
		case <-s.ctx.Done():
			return
		}
	}
}

// sweep returns when every queue has been swept by a sweep that began after the
// request.
func (w *sweeper) sweep(requested time.Time) {
	var delay retryDelay
	for left := w.consumers; len(left) > 0 && w.ctx.Err() == nil; {
		since := time.Since(requested)
		if w.clock != nil {
			since = 0 // every sweep begins at the same time
		}
		locks, others, err := w.takeLocks(left, since)
		if err == nil {
			err = w.sweepAll(locks)
		}
		if err != nil {
			if w.ctx.Err() != nil || w.callFailed(w.session, err) {
				return
			}
			delay.wait(w.ctx)
			continue
		}
		delay.reset()
		if left = others; len(left) > 0 {
			_ = retry.Sleep(w.ctx, sweepPoll)
		}
	}
}

// takeLocks returns the locks that this listener took, and the consumers whose
// queues another listener sweeps now. The queues of the other consumers have
// been swept.
func (w *sweeper) takeLocks(consumers []*consumer, since time.Duration) (locks []sweepLock, others []*consumer, err error) {
	defer func() {
		if err != nil {
			w.releaseLocks(locks, false)
		}
	}()
	for _, c := range consumers {
		if err := c.markHandled(w.session); err != nil {
			return locks, nil, err
		}
	}
	for _, part := range inParts(consumers) {
		taken, swept, err := beginSweeps(w.ctx, part, since, w.name)
		if err != nil {
			return locks, nil, err
		}
		locks, others = append(locks, taken...), append(others, swept...)
	}
	return locks, others, nil
}

// sweptKeys returns the keys of a queue that a sweep compares. [repairPass.key]
// is an index into them.
func (q *queue) sweptKeys() []string {
	return []string{q.due, q.active, q.status, q.dead, q.payloads}
}

// beginSweeps begins a sweep, which was requested a while ago, of consumers of
// one shard. It returns those that nobody has swept since then, and those that
// another listener sweeps now.
func beginSweeps(ctx context.Context, consumers []*consumer, since time.Duration, name string) (locks []sweepLock, others []*consumer, err error) {
	var keys []string
	for _, c := range consumers {
		keys = append(append(keys, c.swept, c.sweeping), c.sweptKeys()...)
	}
	args := []string{strconv.FormatInt(since.Microseconds(), 10), name, duration.Milliseconds(sweepLockTTL)}
	m, err := runScript(ctx, consumers[0].client, consumers[0].lua.beginSweep, keys, args)
	if err != nil {
		return nil, nil, err
	}
	texts, err := m.AsStrSlice()
	if err != nil || len(texts) != 2*len(consumers) {
		return nil, nil, errReply
	}
	for i, c := range consumers {
		switch began, existing := texts[2*i], texts[2*i+1]; {
		case len(existing) != len(c.sweptKeys()):
			return nil, nil, errReply
		case began == "1":
			others = append(others, c)
		case began != "0":
			locks = append(locks, sweepLock{c, began, existing})
		}
	}
	return locks, others, nil
}

// releaseLocks releases locks. If that fails, they expire.
func (w *sweeper) releaseLocks(locks []sweepLock, finished bool) {
	began, consumers := map[*consumer]string{}, make([]*consumer, len(locks))
	for i, lock := range locks {
		consumers[i] = lock.consumer
		if finished {
			began[lock.consumer] = lock.began
		}
	}
	for _, part := range inParts(consumers) {
		var keys []string
		args := []string{w.name, duration.Milliseconds(24 * time.Hour)}
		for _, c := range part {
			keys, args = append(keys, c.swept, c.sweeping), append(args, began[c])
		}
		if _, err := runScript(w.redisCtx, part[0].client, part[0].lua.endSweep, keys, args); err != nil {
			w.callFailed(w.session, err)
		}
	}
}

// markHandled marks the action as handled for at least an hour, so that
// triggers with a Python pattern are scheduled as soon as they are set.
func (c *consumer) markHandled(s *session) error {
	if !c.listener.names.pattern.IsPython() {
		return nil
	}
	set := c.client.B().Arbitrary("SET").Keys(c.handled).Args("1", "PX", duration.Milliseconds(max(time.Hour, 3*c.listener.cfg.Sweep)), "GET").Build()
	err := c.client.Do(s.ctx, set).Error() // with GET, SET does not overwrite another type
	if rueidis.IsRedisNil(err) || c.listener.reportWrongType(err, c.handled) {
		return nil
	}
	return err
}

func (w *sweeper) sweepAll(locks []sweepLock) (err error) {
	if len(locks) == 0 {
		return nil
	}
	defer func() { w.releaseLocks(locks, err == nil) }()
	w.pageBegan, w.renewedAt = time.Now(), time.Now()
	if err := w.sweepKeys(locks); err != nil {
		return err
	}
	for _, lock := range locks {
		for _, pass := range repairPasses {
			if lock.existing[pass.key] == '0' {
				continue
			}
			if err := w.repairOne(lock, pass, locks); err != nil {
				return err
			}
		}
		lock.trimDeadLetters(w.session)
	}
	return nil
}

type repairPass struct {
	kind  string
	count int
	key   int // whose entries are compared, see sweptKeys
}

// repairPasses are what a sweep compares, in this order, and the number of
// entries that one script reads. Pages of payloads are small, since payloads
// may be large.
var repairPasses = []repairPass{
	{"due", scriptPage, 0}, {"active", scriptPage, 1}, {"status", scriptPage / 2, 2}, {"turns", scriptPage / 2, 2}, {"dead", scriptPage, 3}, {"payloads", 20, 4},
}

// repairOne compares one key of a schedule with the others.
func (w *sweeper) repairOne(lock sweepLock, pass repairPass, locks []sweepLock) error {
	for cursor := uint64(0); ; {
		p, err := lock.repair(w.ctx, pass.kind, cursor, pass.count, w.cfg.Lease, clockStep{})
		if err != nil {
			if w.reportWrongType(err, "") {
				return nil
			}
			return err
		}
		lock.countRepairs(p)
		if cursor = p.next; cursor == 0 {
			return nil
		}
		if err := w.pace(locks); err != nil {
			return err
		}
	}
}

// countRepairs counts the results of one page.
func (c *consumer) countRepairs(p repairPage) {
	c.listener.count.cancelled.Add(p.cancelled)
	c.listener.count.repaired.Add(p.repaired)
	c.reportInvalid(p.invalid)
	if p.cancelled+p.repaired+p.invalid.count > 0 {
		c.alarm.Signal()
		c.member.Load().Acted()
	}
}

// sweepKeys adopts the triggers that other services set or moved, and reports
// overdue triggers that have no handler.
func (w *sweeper) sweepKeys(locks []sweepLock) error {
	locked := map[*consumer]bool{}
	for _, lock := range locks {
		locked[lock.consumer] = true
	}
	others := map[consumerKey]bool{}
	every := triggerKey{keyspace.Any, keyspace.Any, keyspace.Any, keyspace.Any}
	keys := scanKeys{store.String, w.names.glob(every), w.names.parse, w.core.Prefix()}
	for page, err := range w.core.Scan(w.ctx, "sweep", keys.kind, keys, nil) {
		if err != nil {
			return err
		}
		byConsumer := map[*consumer][]string{}
		for _, t := range page.Targets {
			at, _ := keys.parse(t.Key)
			c, ok := w.consumerOf(at.shard, at.action)
			switch {
			case ok && locked[c]:
				byConsumer[c] = append(byConsumer[c], t.Key)
			case !ok && len(others) < mostUnhandled*len(w.names.allShards()):
				others[consumerKey{at.shard, at.action}] = true
			}
		}
		for c, found := range byConsumer {
			if err := c.reconcile(w.session, keyMayExist, found); err != nil {
				return err
			}
		}
		if err := w.pace(locks); err != nil {
			return err
		}
	}
	w.reportUnhandled(w.ctx, others)
	return nil
}

// pace waits for as long as the last page took, at most sweepPoll, so that the
// server has time for others. It also renews the locks.
func (w *sweeper) pace(locks []sweepLock) error {
	_ = retry.Sleep(w.ctx, min(time.Since(w.pageBegan), sweepPoll))
	w.pageBegan = time.Now()
	if w.pageBegan.Sub(w.renewedAt) < sweepLockTTL/4 {
		return w.ctx.Err()
	}
	w.renewedAt = w.pageBegan
	for _, lock := range locks {
		if err := lock.renewSweep(w.ctx, w.name); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}
