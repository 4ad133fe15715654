package expiry

import (
	"crypto/rand"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// askForSweep has a sweep begun soon; one that is asked for twice is one.
func (s *shift) askForSweep() {
	select {
	case s.sweeps <- struct{}{}:
	default:
	}
}

// sweeper compares the schedule with the keys: when a subscription begins, and
// every Config.Sweep. A sweep is wanted as of a time, and any listener's that
// began later will do, so that many listeners that start do few.
type sweeper struct {
	*Listener
	*shift
	name string    // tells this listener's turns from others'
	page time.Time // when the page began that is being looked at
	kept time.Time // when the turns were prolonged
}

// turn is one lane that this listener sweeps.
type turn struct {
	*lane
	began int64
}

const turnPoll = 100 * time.Millisecond

func (l *Listener) sweep(s *shift) {
	w := &sweeper{Listener: l, shift: s, name: rand.Text()}
	ticker := time.NewTicker(l.cfg.Sweep)
	defer ticker.Stop()
	first := time.AfterFunc(longestWait, s.askForSweep) // where no subscription asks for it
	defer first.Stop()
	for {
		select {
		case <-s.sweeps:
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
	var pause pause
	for left := w.lanes; len(left) > 0 && w.ctx.Err() == nil; {
		mine, theirs, err := w.turns(left, time.Since(wanted))
		if err == nil {
			err = w.sweepLanes(mine)
		}
		if err != nil {
			if w.ctx.Err() != nil || w.trouble(w.shift, err) {
				return
			}
			pause.wait(w.ctx)
			continue
		}
		pause.reset()
		if left = theirs; len(left) > 0 {
			rest(w.ctx, turnPoll)
		}
	}
}

// turns splits lanes into those whose turn this listener has and those that
// another one sweeps now; the others have been swept.
func (w *sweeper) turns(lanes []*lane, since time.Duration) (mine []turn, theirs []*lane, err error) {
	defer func() {
		if err != nil {
			w.endTurns(mine, false)
		}
	}()
	for _, a := range lanes {
		if err := a.claimOwnership(w.shift); err != nil {
			return mine, nil, err
		}
		began, wait, err := a.takeTurn(w.ctx, since, w.name)
		switch {
		case err != nil:
			return mine, nil, err
		case began > 0:
			mine = append(mine, turn{a, began})
		case wait:
			theirs = append(theirs, a)
		}
	}
	return mine, theirs, nil
}

// endTurns gives turns back. Where that fails they lapse.
func (w *sweeper) endTurns(mine []turn, finished bool) {
	for _, t := range mine {
		if !finished {
			t.began = 0
		}
		if err := t.endTurn(w.io, t.began, w.name); err != nil {
			w.trouble(w.shift, err)
		}
	}
}

// claimOwnership says for an hour or more that the action is handled here, so
// that triggers of a Python pattern are durable from the start.
func (a *lane) claimOwnership(s *shift) error {
	if !a.l.names.pattern.IsPython() {
		return nil
	}
	set := a.client.B().Arbitrary("SET").Keys(a.own).Args("1", "PX", store.Milliseconds(max(time.Hour, 3*a.l.cfg.Sweep)), "GET").Build()
	err := a.client.Do(s.ctx, set).Error() // GET keeps what is of another type
	if rueidis.IsRedisNil(err) || a.l.reportWrong(err, a.own) {
		return nil
	}
	return err
}

func (w *sweeper) sweepLanes(mine []turn) (err error) {
	if len(mine) == 0 {
		return nil
	}
	defer func() { w.endTurns(mine, err == nil) }()
	w.page, w.kept = time.Now(), time.Now()
	if err := w.sweepKeys(mine); err != nil {
		return err
	}
	for _, t := range mine {
		for _, p := range passes {
			if err := w.pass(t, p, mine); err != nil {
				return err
			}
		}
	}
	return nil
}

type pass struct {
	which string
	count int
}

// passes are the keys of a schedule that a sweep goes over, and how many entries
// one script looks at. The pages of pay are small since payloads may be large.
var passes = []pass{{"due", lookAt}, {"run", lookAt}, {"att", lookAt / 2}, {"dead", lookAt}, {"pay", 20}}

// pass compares one key of a schedule with the others.
func (w *sweeper) pass(t turn, of pass, mine []turn) error {
	for cursor := uint64(0); ; {
		p, err := t.mend(w.ctx, of.which, cursor, of.count, w.cfg.Lease, setback{})
		if err != nil {
			if w.reportWrong(err, "") {
				return nil
			}
			return err
		}
		t.mended(p)
		if cursor = p.next; cursor == 0 {
			return nil
		}
		if err := w.breathe(mine); err != nil {
			return err
		}
	}
}

// mended counts what a page brought.
func (a *lane) mended(p page) {
	a.l.count.cancelled.Add(p.cancelled)
	a.l.count.repaired.Add(p.repaired)
	a.reportOdd(p.odd)
	if p.cancelled+p.repaired+p.odd.count > 0 {
		a.wake.signal()
	}
}

// sweepKeys adopts what another service set or moved.
func (w *sweeper) sweepKeys(mine []turn) error {
	wanted := map[*lane]bool{}
	for _, t := range mine {
		wanted[t.lane] = true
	}
	every := label{keyspace.Any, keyspace.Any, keyspace.Any, keyspace.Any}
	keys := family{store.String, w.names.glob(every), w.names.parse, w.core.Prefix()}
	for page, err := range w.core.Scan(w.ctx, "sweep", keys.kind, keys, nil) {
		if err != nil {
			return err
		}
		byLane := map[*lane][]string{}
		for _, t := range page.Targets {
			at, _ := keys.label(t.Key)
			if a, ok := w.lane(at.shard, at.action); ok && wanted[a] {
				byLane[a] = append(byLane[a], t.Key)
			}
		}
		for a, found := range byLane {
			if err := a.look(w.shift, maySet, found); err != nil {
				return err
			}
		}
		if err := w.breathe(mine); err != nil {
			return err
		}
	}
	return nil
}

// breathe leaves the server to others for as long as the last page took, and
// keeps the turns.
func (w *sweeper) breathe(mine []turn) error {
	rest(w.ctx, min(time.Since(w.page), turnPoll))
	w.page = time.Now()
	if w.page.Sub(w.kept) < turnKept/4 {
		return w.ctx.Err()
	}
	w.kept = w.page
	for _, t := range mine {
		if err := t.keepTurn(w.ctx, w.name); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}
