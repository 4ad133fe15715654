package expiry

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/recent"
	"github.com/symphony-go/symphony/internal/store"
)

// State is what a trigger is doing.
type State string

// The states of a trigger. One that has fired is in one of the last three.
const (
	StatePending State = "pending" // it has not fired
	StateRunning State = "running" // a worker holds it, or its lease has expired and no worker has claimed it since
	StateWaiting State = "waiting" // it waits for its next attempt
	StateDead    State = "dead"    // it is a dead letter
)

// firingStates are the states of firings by the digit of their status.
var firingStates = []State{StateRunning, StateWaiting, StateDead}

// Entry is a trigger or a firing as [Schedule.List] finds it.
type Entry struct {
	// Event has the counters of the last attempt. Those of a pending trigger
	// are 0.
	Event
	State State

	// At is when the trigger is due, when the lease ends, when the next attempt
	// is, or when it became a dead letter, by the server's clock. It is the
	// zero time if the entry changed while List read it. If a pending trigger
	// waits for another firing of its action and id to end, At is when a
	// listener looks again, and DueAt is when it was due.
	At time.Time
}

// List iterates over the triggers of the tenant in the given states, or in all
// states if there is none, in no particular order. It changes nothing. Triggers
// that another service set are listed once a listener has found them.
//
// List finds the schedules of all actions with SCAN, over the whole database.
// It reads each with ZSCAN for pending triggers and HSCAN for firings, and for
// each page that has entries of the tenant their times and payloads in one
// round trip. The schedules have the triggers of all tenants, so the cost grows
// with their number. List sends nothing more after the loop ends. It is not
// atomic: what changes meanwhile may be missing or occur twice, in two states.
//
// If an entry is invalid, List yields it with an error and continues. Other
// errors end the loop. If a key of a schedule holds another type, List returns
// [ErrWrongType]. If a state is unknown, it returns [ErrInvalidArgument].
func (s *Schedule) List(ctx context.Context, states ...State) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		t, err := s.beginAll(ctx, "List")
		if err == nil {
			err = checkStates(t, states)
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		wanted := func(state State) bool { return len(states) == 0 || slices.Contains(states, state) }
		if wanted(StatePending) && !s.listKeys(ctx, t, "due", sortedSet, wanted, yield) {
			return
		}
		if slices.ContainsFunc(firingStates, wanted) {
			s.listKeys(ctx, t, "status", store.Hash, wanted, yield)
		}
	}
}

func checkStates(t fault.Target, states []State) error {
	for _, state := range states {
		if state != StatePending && !slices.Contains(firingStates, state) {
			return t.NotApplied(fmt.Errorf("%w: there is no state %q; use StatePending, StateRunning, StateWaiting or StateDead", fault.ErrInvalidArgument, state))
		}
	}
	return nil
}

// listKeys lists the entries of all keys of a kind. It reports whether to
// continue.
func (s *Schedule) listKeys(ctx context.Context, t fault.Target, kind string, typ store.Kind, wanted func(State) bool, yield func(Entry, error) bool) bool {
	keys := scanKeys{typ, "%exp*:" + kind + ":*", func(key string) (triggerKey, bool) {
		found, l, ok := s.names.parseScheduleKey(key)
		return l, ok && found == kind
	}, s.core.Prefix()}
	for page, err := range s.core.Scan(ctx, t.Op, typ, keys, nil) {
		if err != nil {
			yield(Entry{}, err)
			return false
		}
		for _, target := range page.Targets {
			if !s.listKey(ctx, target, kind, wanted, yield) {
				return false
			}
		}
	}
	return true
}

// listKey lists the entries of one key. It reports whether to continue.
func (s *Schedule) listKey(ctx context.Context, t fault.Target, kind string, wanted func(State) bool, yield func(Entry, error) bool) bool {
	_, l, _ := s.names.parseScheduleKey(t.Key)
	q := newQueue(s.core.Client, s.names, l.shard, l.action)
	seen := recent.NewSet() // ZSCAN and HSCAN return an entry again if the key changes its size
	for cursor := uint64(0); ; {
		found, next, err := scanEntries(ctx, s.core, s.names, s.tenant, kind, t.Key, cursor)
		var entries []listed
		if err == nil {
			found = slices.DeleteFunc(found, func(e entry) bool { return !s.isListed(kind, e, wanted) || !seen.Add(e.name) })
			entries, err = s.readEntries(ctx, q, kind, found)
		}
		if err != nil {
			yield(Entry{}, t.Failed(err))
			return false
		}
		for _, e := range entries {
			if !yield(e.Entry, e.err) {
				return false
			}
		}
		if cursor = next; cursor == 0 {
			return true
		}
	}
}

// isListed reports whether an entry of a schedule belongs to the tenant and has
// a state that is wanted.
func (s *Schedule) isListed(kind string, e entry, wanted func(State) bool) bool {
	key, firing := splitEntry(kind, e.name)
	trigger, ok := s.names.parse(key)
	if !ok || trigger.tenant != s.tenant {
		return false
	}
	if kind == "due" {
		return true
	}
	state, ok := stateIn(e.text)
	return firing != "" && (!ok || wanted(firingStates[state]))
}

// listed is an entry, or the error of an invalid one.
type listed struct {
	Entry
	err error
}

// readEntries reads the times and payloads of entries.
func (s *Schedule) readEntries(ctx context.Context, q *queue, kind string, found []entry) ([]listed, error) {
	if len(found) == 0 {
		return nil, nil
	}
	members, fields := make([]string, len(found)), make([]string, len(found))
	for i, e := range found {
		members[i], fields[i] = e.name, e.name
		if kind == "due" {
			fields[i] = "-|" + e.name
		}
	}
	b := q.client.B
	cmds := rueidis.Commands{b().Hmget().Key(q.payloads).Field(fields...).Build()}
	if kind == "due" {
		for _, key := range members {
			cmds = append(cmds, b().Get().Key(key).Build())
		}
	} else {
		cmds = append(cmds, b().Zmscore().Key(q.active).Member(members...).Build(), b().Zmscore().Key(q.dead).Member(members...).Build())
	}
	results := q.client.DoMulti(ctx, cmds...)
	values := results[1:]
	if kind == "due" {
		results = results[:1]
	}
	var replies [3][]rueidis.RedisMessage
	for i, result := range results {
		var err error
		if replies[i], err = result.ToArray(); err == nil && len(replies[i]) != len(found) {
			err = errReply
		}
		if err != nil {
			return nil, err
		}
	}
	entries := make([]listed, len(found))
	for i, e := range found {
		f := firing{member: e.name, status: e.text}
		if text, err := replies[0][i].ToString(); err == nil {
			f.payload = &text
		}
		at := e.score
		if kind == "due" {
			value, _ := values[i].ToString() // not found if the key has expired, or if the trigger fired meanwhile
			f.member, f.status = dueTime(value, e.score)+"|"+e.name, "0 0 0 - "
		} else if state, ok := stateIn(e.text); ok {
			entries[i].State = firingStates[state]
			scores := replies[1]
			if entries[i].State == StateDead {
				scores = replies[2]
			}
			at, _ = scores[i].AsFloat64()
		}
		entries[i].Event, entries[i].err = s.event(q, f)
		if at != 0 {
			entries[i].At = time.UnixMilli(int64(at))
		}
		if kind == "due" {
			entries[i].State = StatePending
		}
	}
	return entries, nil
}

// valueDue finds the due time in the value of a trigger's key.
var valueDue = regexp.MustCompile(`;due=(\d+);exp=\d+$`)

// dueTime returns the due time of a pending trigger. It is its score in due,
// unless the trigger waits for its turn; see lua/lib/turn.lua.
func dueTime(value string, score float64) string {
	if found := valueDue.FindStringSubmatch(value); found != nil {
		if due, err := strconv.ParseFloat(found[1], 64); err == nil && due < score {
			return found[1]
		}
	}
	return strconv.FormatFloat(score, 'f', 0, 64)
}

// event returns the event of a firing of the tenant.
func (s *Schedule) event(q *queue, f firing) (Event, error) {
	due, key, _ := strings.Cut(f.member, "|")
	found, _ := s.names.parse(key)
	e := Event{Tenant: found.tenant, Action: found.action, ID: found.id, Key: s.names.eventKey(key, q.shard), member: f.member, shard: q.shard}
	if f.payload != nil {
		e.setPayload(s.core.Codec, *f.payload, s.core.MaxDecodedBytes())
	}
	ms, err := strconv.ParseInt(due, 10, 64)
	if err != nil {
		return e, fmt.Errorf("expiry: %w: %.100q is not the name of a firing; remove the dead letter with Discard", fault.ErrWrongType, f.member)
	}
	e.DueAt = time.UnixMilli(ms)
	if err := e.readStatus(f.status); err != nil {
		return e, err
	}
	if e.recurrence != nil {
		return e, e.recurrence.err
	}
	return e, nil
}
