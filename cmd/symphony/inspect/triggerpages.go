package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// schedule is the schedule of an action, on a cluster of one of its shards. The
// shard is in braces.
type schedule struct{ shard, action string }

func (s schedule) key(pools *pool.Pools, kind string) string {
	return pools.Prefix(pool.Expiry) + "%exp" + s.shard + ":" + kind + ":" + s.action
}

// parseSchedule returns the schedule of a key without the prefix of the pool.
func parseSchedule(key string) (s schedule, kind string, ok bool) {
	key, ok = strings.CutPrefix(key, "%exp")
	if !ok {
		return s, "", false
	}
	if strings.HasPrefix(key, "{") {
		end := strings.IndexByte(key, '}') + 1
		s.shard, key = key[:end], key[end:]
	}
	key, ok = strings.CutPrefix(key, ":")
	kind, s.action, _ = strings.Cut(key, ":")
	return s, kind, ok && s.action != ""
}

// schedulesWork looks for the schedules of all actions.
func (h *handler) schedulesWork() work[[]schedule] {
	return work[[]schedule]{name: "schedules", keep: true, run: func(ctx context.Context) ([]schedule, error) {
		prefix := h.pools.Prefix(pool.Expiry)
		found := map[schedule]bool{}
		for page, err := range scan(ctx, h.pools, pool.Expiry, prefix+"%exp*") {
			if err != nil {
				return nil, err
			}
			for _, key := range page {
				s, kind, ok := parseSchedule(strings.TrimPrefix(key, prefix))
				if ok && slices.Contains([]string{"due", "active", "status", "dead"}, kind) {
					found[s] = true
				}
			}
		}
		return slices.SortedFunc(maps.Keys(found), func(a, b schedule) int { return strings.Compare(a.action+a.shard, b.action+b.shard) }), nil
	}}
}

// actionState has the numbers of an action.
type actionState struct {
	pending, due, running, waiting, dead int64
	lag                                  time.Duration // how late the first due trigger is
	partly                               bool          // whether there are more firings than were counted
}

// firingsCounted is how many firings of an action a page counts by their state.
const firingsCounted = 5000

// actionStates reads the numbers of schedules. It sends a few commands for each
// schedule, and HSCAN over its firings.
func (h *handler) actionStates(ctx context.Context, all []schedule) (map[string]*actionState, error) {
	client, err := h.pools.Client(pool.Expiry)
	if err != nil {
		return nil, err
	}
	now, err := serverTime(ctx, client)
	if err != nil {
		return nil, err
	}
	states := map[string]*actionState{}
	for _, s := range all {
		b, due := client.B, s.key(h.pools, "due")
		replies := client.DoMulti(ctx,
			b().Zcard().Key(due).Build(), b().Zcount().Key(due).Min("-inf").Max(strconv.FormatInt(now.UnixMilli(), 10)).Build(),
			b().Zrange().Key(due).Min("0").Max("0").Withscores().Build(), b().Zcard().Key(s.key(h.pools, "dead")).Build())
		var counts [4]int64
		var errs error
		for i, reply := range replies {
			if i == 2 {
				continue
			}
			n, err := reply.AsInt64()
			counts[i], errs = n, errors.Join(errs, err)
		}
		if errs != nil {
			return nil, fmt.Errorf("the schedule of %s: %w", s.action, errs)
		}
		state := states[s.action]
		if state == nil {
			state = &actionState{}
			states[s.action] = state
		}
		state.pending, state.due, state.dead = state.pending+counts[0], state.due+counts[1], state.dead+counts[3]
		if first, err := replies[2].AsZScores(); err == nil && len(first) > 0 {
			state.lag = max(state.lag, now.Sub(time.UnixMilli(int64(first[0].Score))))
		}
		if err := state.countFirings(ctx, client, s.key(h.pools, "status")); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// countFirings counts the firings that run and wait.
func (a *actionState) countFirings(ctx context.Context, client rueidis.Client, key string) error {
	for cursor, seen := uint64(0), 0; ; {
		page, err := client.Do(ctx, client.B().Hscan().Key(key).Cursor(cursor).Count(pageSize).Build()).AsScanEntry()
		if err != nil {
			return fmt.Errorf("HSCAN of %s: %w", key, err)
		}
		for pair := range slices.Chunk(page.Elements, 2) {
			if len(pair) < 2 || strings.HasPrefix(pair[0], "=|") || strings.HasPrefix(pair[0], "+|") {
				continue // a turn
			}
			seen++
			words := strings.SplitN(pair[1], " ", 5)
			if len(words) < 4 {
				continue
			}
			switch strings.TrimSuffix(words[3], "+") {
			case "0":
				a.running++
			case "1":
				a.waiting++
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
		if seen > firingsCounted {
			a.partly = true
			return nil
		}
	}
}

// serverTime returns the clock of a server.
func serverTime(ctx context.Context, client rueidis.Client) (time.Time, error) {
	parts, err := client.Do(ctx, client.B().Time().Build()).AsIntSlice()
	if err != nil || len(parts) != 2 {
		return time.Time{}, errors.Join(err, ctx.Err())
	}
	return time.Unix(parts[0], parts[1]*1000), nil
}

// triggers is the page of all actions, or of the triggers of a tenant.
func (h *handler) triggers(ctx context.Context, r request) (page, error) {
	if tenant := r.get("tenant"); tenant != "" {
		return h.triggersOf(ctx, r, tenant)
	}
	p := page{title: "Triggers", current: "Triggers"}
	work := h.schedulesWork()
	o := ask(ctx, h.jobs, work)
	s := section{Heading: "Actions"}
	addWalk(&s, o, "the schedules", work.name)
	t := &table{
		Caption: "Triggers of all tenants", Columns: columns("Action", "Not fired#", "Due#", "Late by#", "Running#", "Waiting#", "Dead#"),
		Empty: "There are no triggers.",
	}
	if !o.known {
		t.Empty = "The actions are being looked for."
	}
	states, err := h.actionStates(ctx, o.value)
	if err != nil {
		s.Notices = append(s.Notices, problem(err))
	}
	for _, action := range slices.Sorted(maps.Keys(states)) {
		a := states[action]
		lag := cell{Text: "none", Tone: dim}
		if a.due > 0 && a.lag > 0 {
			lag = cell{Text: roughly(a.lag)}
			if a.lag > time.Minute {
				lag.Tone = warning
			}
		}
		running, waiting := amount(a.running), amount(a.waiting)
		if a.partly {
			running.Sub, waiting.Sub = "at least", "at least"
		}
		dead := alarming(a.dead, bad)
		if a.dead > 0 {
			dead.Links = []link{{Text: "Show", URL: to("dead", "of", symphony.KindTrigger, "action", action), Label: "Show the dead letters of " + shown(action, 60)}}
		}
		t.add(action, name(action), amount(a.pending), amount(a.due), lag, running, waiting, dead)
		if a.due > 0 && a.lag > time.Minute && a.running == 0 {
			s.Notices = append(s.Notices, notice{warning, fmt.Sprintf("The action %s has triggers that are late by %s, and none of them runs: "+
				"no listener handles it, or all listeners have stopped.", shown(action, 60), roughly(a.lag))})
		}
	}
	s.Table = t
	p.sections = []section{s, {Heading: "Triggers of a tenant", Form: triggerForm(r)}}
	return p, nil
}

var triggerStates = []expiry.State{expiry.StatePending, expiry.StateRunning, expiry.StateWaiting, expiry.StateDead}

func triggerForm(r request) *form {
	options := []string{"all"}
	for _, s := range triggerStates {
		options = append(options, string(s))
	}
	return &form{Action: "triggers", Button: "Show", Fields: []field{
		{Name: "tenant", Label: "Tenant", Value: r.get("tenant"), Required: true},
		{Name: "action", Label: "Action", Value: r.get("action")},
		{Name: "state", Label: "State", Value: r.get("state"), Options: options},
	}}
}

// listing is a list that may be incomplete.
type listing[T any] struct {
	all  []T
	more bool
}

// triggersOf shows the triggers of a tenant.
func (h *handler) triggersOf(ctx context.Context, r request, tenant string) (page, error) {
	f := r.filter()
	triggers, err := symphony.NewTrigger(h.pools, tenant)
	if err != nil {
		return page{}, err
	}
	var states []expiry.State
	if state := expiry.State(r.get("state")); slices.Contains(triggerStates, state) {
		states = []expiry.State{state}
	}
	o := ask(ctx, h.jobs, work[listing[Trigger]]{
		name: to("triggers", "tenant", tenant, "action", f.Action, "state", r.get("state")),
		run: func(ctx context.Context) (l listing[Trigger], err error) {
			for t, err := range Triggers(ctx, h.pools, f, h.view, states...) {
				if err != nil {
					return l, err
				}
				if len(l.all) == rowsShown {
					l.more = true
					break
				}
				l.all = append(l.all, t)
			}
			slices.SortStableFunc(l.all, func(a, b Trigger) int { return a.At.Compare(b.At) })
			return l, nil
		},
	})
	s := section{Form: triggerForm(r)}
	s.Notices = doneNotices(r)
	addWalk(&s, o, "the schedules", "")
	t := &table{
		Caption: "Triggers", Columns: columns("ID", "Action", "State", "At", "Rule", "Attempt#", "Payload", "Last error"),
		Empty: "The tenant has no such triggers.",
	}
	if !o.known {
		t.Empty = "The triggers are being looked for."
	}
	if o.value.more {
		t.Note = fmt.Sprintf("%d of more; choose an action or a state to see fewer", rowsShown)
	}
	if h.canWrite {
		t.Columns = append(t.Columns, column{Name: "Change"})
	}
	for _, g := range o.value.all {
		at := moment(g.At)
		at.Sub = atMeans[g.State] + at.Sub
		last := text(printable(g.LastError + g.Problem))
		if last.Text == "" {
			last = cell{Text: "none", Tone: dim}
		}
		rule := text(printable(g.Rule))
		if rule.Text == "" {
			rule = cell{Text: "once", Tone: dim}
		}
		id := name(g.ID)
		if key, err := triggers.Key(g.Action, g.ID); err == nil && g.State == expiry.StatePending {
			id.URL = to("record", "pool", string(pool.Expiry), "key", key)
		}
		cells := []cell{
			id, name(g.Action),
			{Text: string(g.State), Tone: map[expiry.State]tone{expiry.StateDead: bad}[g.State]}, at, rule, amount(int64(g.Attempt)), value(g.Payload), last,
		}
		if h.canWrite {
			cells = append(cells, h.triggerButtons(g))
		}
		t.add(strings.Join([]string{g.Action, g.ID, string(g.State), strconv.FormatInt(g.DueAt.UnixMilli(), 10)}, "\x01"), cells...)
	}
	s.Table = t
	return page{title: "Triggers of " + shown(tenant, 60), current: "Triggers", sections: []section{s}}, nil
}

// atMeans names the time of a trigger.
var atMeans = map[expiry.State]string{
	expiry.StatePending: "due ", expiry.StateRunning: "lease ends ", expiry.StateWaiting: "next attempt ", expiry.StateDead: "died ",
}

func (h *handler) triggerButtons(g Trigger) (c cell) {
	what := shown(g.Action+"/"+g.ID, 60)
	switch g.State {
	case expiry.StatePending:
		c.Links = []link{{Text: "Run now…", URL: to("run", "tenant", g.Tenant, "action", g.Action, "id", g.ID), Label: "Run now: " + what}}
	case expiry.StateDead:
		d := DeadLetter{Of: symphony.KindTrigger, Tenant: g.Tenant, Action: g.Action, ID: g.ID, DueAt: g.DueAt}
		c.Links = letterButtons(d, what)
	}
	return c
}

// RunNow makes a trigger due now, in one atomic step and one round trip. Its
// payload stays. If its action and id have a firing that runs or waits, the
// trigger runs after that.
//
// If the trigger does not exist, because it has fired or was deleted, RunNow
// returns symphony.ErrNotFound, and creates none.
func RunNow(ctx context.Context, pools *pool.Pools, f Filter, id string) error {
	triggers, err := symphony.NewTrigger(pools, f.Tenant, symphony.On(f.expiry()))
	if err != nil {
		return err
	}
	// A Debounce moves a trigger without touching its payload.
	return triggers.With(symphony.IfExists()).Debounce(ctx, f.Action, id, 0, 0)
}

// askRun asks before a trigger runs.
func (h *handler) askRun(ctx context.Context, r request) (page, error) {
	f, id := r.filter(), r.get("id")
	triggers, err := symphony.NewTrigger(h.pools, f.Tenant)
	if err != nil {
		return page{}, err
	}
	due, err := triggers.Due(ctx, f.Action, id)
	if err != nil {
		return page{}, err
	}
	return page{title: "Run this trigger now?", current: "Triggers", still: true, sections: []section{{
		Text:  "One trigger becomes due now, with its payload. A listener runs its handler at once.",
		Facts: []fact{{"Tenant", name(f.Tenant)}, {"Action", name(f.Action)}, {"ID", name(id)}, {"Due until now", moment(due)}},
		Form: &form{
			Action: to("run", "tenant", f.Tenant, "action", f.Action, "id", id), Button: "Run it now", Post: true,
			Cancel: to("triggers", "tenant", f.Tenant),
		},
	}}}, nil
}

func (h *handler) doRun(ctx context.Context, r request) (string, error) {
	f, id := r.filter(), r.get("id")
	err := RunNow(ctx, h.pools, f, id)
	h.logChange(ctx, r.Request, "run now", err, "tenant", f.Tenant, "action", f.Action, "id", id)
	return to("triggers", "tenant", f.Tenant, "done", "run", "n", "1"), err
}
