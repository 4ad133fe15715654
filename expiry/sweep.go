package expiry

import (
	"strconv"
	"time"

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

// sweep compares the schedule with the keys: at the start, when a subscription
// begins, and now and then. Of the listeners of an action one does the last.
func (l *Listener) sweep(s *shift) {
	ticker := time.NewTicker(l.cfg.Sweep)
	defer ticker.Stop()
	l.sweepOver(s, l.lanes)
	for {
		select {
		case <-s.sweeps:
			l.sweepOver(s, l.lanes)
		case <-ticker.C:
			l.sweepOver(s, l.turns(s))
		case <-s.ctx.Done():
			return
		}
	}
}

func (l *Listener) sweepOver(s *shift, lanes []*lane) {
	if len(lanes) == 0 {
		return
	}
	if err := l.sweepLanes(s, lanes); err != nil && s.ctx.Err() == nil && !l.trouble(s, err) {
		rest(s.ctx, longestWait)
		s.askForSweep()
	}
}

func (l *Listener) sweepLanes(s *shift, lanes []*lane) error {
	for _, a := range lanes {
		if err := a.claimOwnership(s); err != nil {
			return err
		}
	}
	every := label{keyspace.Any, keyspace.Any, keyspace.Any, keyspace.Any}
	keys := family{store.String, l.names.glob(every), l.names.parse, l.core.Prefix()}
	wanted := map[*lane]bool{}
	for _, a := range lanes {
		wanted[a] = true
	}
	for page, err := range l.core.Scan(s.ctx, "sweep", store.String, keys, nil) {
		if err != nil {
			return err
		}
		var found []string
		for _, t := range page.Targets {
			at, _ := keys.label(t.Key)
			if a, ok := l.lane(at.shard, at.action); ok && wanted[a] {
				found = append(found, t.Key)
			}
		}
		if err := l.look(s, maySet, found); err != nil {
			return err
		}
	}
	for _, a := range lanes {
		if err := a.sweepDue(s); err != nil {
			return err
		}
	}
	return nil
}

// sweepDue takes what another service deleted out of the schedule.
func (a *lane) sweepDue(s *shift) error {
	for cursor := uint64(0); ; {
		page, err := a.client.Do(s.ctx, a.client.B().Zscan().Key(a.due).Cursor(cursor).Count(lookAt).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		keys := make([]string, 0, len(page.Elements)/2)
		for i := 0; i+1 < len(page.Elements); i += 2 {
			keys = append(keys, page.Elements[i])
		}
		if err := a.look(s, mayGone, keys); err != nil {
			return err
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// claimOwnership says for an hour or more that the action is handled here, so that
// triggers of a Python pattern are durable from the start.
func (a *lane) claimOwnership(s *shift) error {
	if !a.l.names.pattern.IsPython() {
		return nil
	}
	return a.client.Do(s.ctx, a.client.B().Set().Key(a.own).Value("1").Ex(max(time.Hour, 3*a.l.cfg.Sweep)).Build()).Error()
}

// turns are the lanes whose sweep falls to this listener: the first to come
// after most of Config.Sweep has passed.
func (l *Listener) turns(s *shift) []*lane {
	ms := strconv.FormatInt(max((l.cfg.Sweep*9/10).Milliseconds(), 1), 10)
	var mine []*lane
	for _, a := range l.lanes {
		key := l.names.beside("swept", a.shard, a.action)
		set := a.client.B().Arbitrary("SET").Keys(key).Args("1", "NX", "PX", ms).Build()
		if a.client.Do(s.ctx, set).Error() == nil {
			mine = append(mine, a)
		}
	}
	return mine
}
