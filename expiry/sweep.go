package expiry

import (
	"crypto/rand"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// askForSweep has a sweep begun soon; one that is asked for twice is one.
func (s *session) requestSweep() {
	select {
	case s.sweepRequests <- struct{}{}:
	default:
	}
}

// sweeper compares the schedule with the keys: when a subscription begins, and
// every Config.Sweep. A sweep is wanted as of a time, and any listener's that
// began later will do, so that many listeners that start do few.
type sweeper struct {
	*Listener
	*session
	name      string    // tells this listener's turns from others'
	pageBegan time.Time // when the page began that is being looked at
	renewedAt time.Time // when the turns were prolonged
}

// turn is one lane that this listener sweeps.
type sweepLock struct {
	*consumer
	began int64
}

const sweepPoll = 100 * time.Millisecond

func (l *Listener) sweep(s *session) {
	w := &sweeper{Listener: l, session: s, name: rand.Text()}
	ticker := time.NewTicker(l.cfg.Sweep)
	defer ticker.Stop()
	first := time.AfterFunc(longestIdle, s.requestSweep) // where no subscription asks for it
	defer first.Stop()
	for {
		select {
		case <-s.sweepRequests:
			first.Stop()
			w.sweep(time.Now())
		case now := <-ticker.C:
			w.sweep(now.Add(-l.cfg.Sweep * 9 / 10))
		case <-s.ctx.Done():
			return
		}
	}
}

// sweep returns when every lane has been swept since it was wanted.
func (w *sweeper) sweep(wanted time.Time) {
	var pause retryDelay
	for left := w.consumers; len(left) > 0 && w.ctx.Err() == nil; {
		mine, theirs, err := w.takeLocks(left, time.Since(wanted))
		if err == nil {
			err = w.sweepAll(mine)
		}
		if err != nil {
			if w.ctx.Err() != nil || w.callFailed(w.session, err) {
				return
			}
			pause.wait(w.ctx)
			continue
		}
		pause.reset()
		if left = theirs; len(left) > 0 {
			sleep(w.ctx, sweepPoll)
		}
	}
}

// turns splits lanes into those whose turn this listener has and those that
// another one sweeps now; the others have been swept.
func (w *sweeper) takeLocks(lanes []*consumer, since time.Duration) (mine []sweepLock, theirs []*consumer, err error) {
	defer func() {
		if err != nil {
			w.releaseLocks(mine, false)
		}
	}()
	for _, c := range lanes {
		if err := c.markHandled(w.session); err != nil {
			return mine, nil, err
		}
		began, wait, err := c.beginSweep(w.ctx, since, w.name)
		switch {
		case err != nil:
			return mine, nil, err
		case began > 0:
			mine = append(mine, sweepLock{c, began})
		case wait:
			theirs = append(theirs, c)
		}
	}
	return mine, theirs, nil
}

// endTurns gives turns back. Where that fails they lapse.
func (w *sweeper) releaseLocks(mine []sweepLock, finished bool) {
	for _, t := range mine {
		if !finished {
			t.began = 0
		}
		if err := t.endSweep(w.redisCtx, t.began, w.name); err != nil {
			w.callFailed(w.session, err)
		}
	}
}

// claimOwnership says for an hour or more that the action is handled here, so
// that triggers of a Python pattern are durable from the start.
func (c *consumer) markHandled(s *session) error {
	if !c.listener.names.pattern.IsPython() {
		return nil
	}
	set := c.client.B().Arbitrary("SET").Keys(c.handled).Args("1", "PX", store.Milliseconds(max(time.Hour, 3*c.listener.cfg.Sweep)), "GET").Build()
	err := c.client.Do(s.ctx, set).Error() // GET keeps what is of another type
	if rueidis.IsRedisNil(err) || c.listener.reportWrongType(err, c.handled) {
		return nil
	}
	return err
}

func (w *sweeper) sweepAll(mine []sweepLock) (err error) {
	if len(mine) == 0 {
		return nil
	}
	defer func() { w.releaseLocks(mine, err == nil) }()
	w.pageBegan, w.renewedAt = time.Now(), time.Now()
	if err := w.sweepKeys(mine); err != nil {
		return err
	}
	for _, t := range mine {
		for _, p := range repairPasses {
			if err := w.repairOne(t, p, mine); err != nil {
				return err
			}
		}
	}
	return nil
}

type repairPass struct {
	kind  string
	count int
}

// passes are the keys of a schedule that a sweep goes over, and how many entries
// one script looks at. The pages of pay are small since payloads may be large.
var repairPasses = []repairPass{{"due", scriptPage}, {"active", scriptPage}, {"status", scriptPage / 2}, {"dead", scriptPage}, {"payloads", 20}}

// pass compares one key of a schedule with the others.
func (w *sweeper) repairOne(t sweepLock, of repairPass, mine []sweepLock) error {
	for cursor := uint64(0); ; {
		p, err := t.repair(w.ctx, of.kind, cursor, of.count, w.cfg.Lease, clockStep{})
		if err != nil {
			if w.reportWrongType(err, "") {
				return nil
			}
			return err
		}
		t.countRepairs(p)
		if cursor = p.next; cursor == 0 {
			return nil
		}
		if err := w.pace(mine); err != nil {
			return err
		}
	}
}

// mended counts what a page brought.
func (c *consumer) countRepairs(p repairPage) {
	c.listener.count.cancelled.Add(p.cancelled)
	c.listener.count.repaired.Add(p.repaired)
	c.reportInvalid(p.invalid)
	if p.cancelled+p.repaired+p.invalid.count > 0 {
		c.alarm.signal()
	}
}

// sweepKeys adopts what another service set or moved.
func (w *sweeper) sweepKeys(mine []sweepLock) error {
	wanted := map[*consumer]bool{}
	for _, t := range mine {
		wanted[t.consumer] = true
	}
	every := triggerKey{keyspace.Any, keyspace.Any, keyspace.Any, keyspace.Any}
	keys := scanKeys{store.String, w.names.glob(every), w.names.parse, w.core.Prefix()}
	for page, err := range w.core.Scan(w.ctx, "sweep", keys.kind, keys, nil) {
		if err != nil {
			return err
		}
		byLane := map[*consumer][]string{}
		for _, t := range page.Targets {
			at, _ := keys.parse(t.Key)
			if c, ok := w.consumerOf(at.shard, at.action); ok && wanted[c] {
				byLane[c] = append(byLane[c], t.Key)
			}
		}
		for c, found := range byLane {
			if err := c.reconcile(w.session, keyMayExist, found); err != nil {
				return err
			}
		}
		if err := w.pace(mine); err != nil {
			return err
		}
	}
	return nil
}

// breathe leaves the server to others for as long as the last page took, and
// keeps the turns.
func (w *sweeper) pace(mine []sweepLock) error {
	sleep(w.ctx, min(time.Since(w.pageBegan), sweepPoll))
	w.pageBegan = time.Now()
	if w.pageBegan.Sub(w.renewedAt) < sweepLockTTL/4 {
		return w.ctx.Err()
	}
	w.renewedAt = w.pageBegan
	for _, t := range mine {
		if err := t.renewSweep(w.ctx, w.name); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}
