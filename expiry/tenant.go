package expiry

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/tenancy"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// TenantVisit counts and removes the triggers of tenants on one pool. It is for
// Tenants and Erase of package symphony.
type TenantVisit struct {
	walk  *tenancy.Walk
	core  *store.Store
	names naming
	lua   *scripts
}

// NewTenantVisit returns the visit of a walk to the pool with alias a. If the
// pool cannot have triggers of the pattern, because it is on a cluster and the
// pattern has no shard, NewTenantVisit returns nil.
func NewTenantVisit(_ internal.NotForPublicUse, w *tenancy.Walk, a pool.Alias, pattern keyspace.Pattern) (*TenantVisit, error) {
	core, err := newCore(w.Pools, a)
	if err != nil {
		return nil, err
	}
	names, err := newNaming(pattern, core.Prefix(), core.Client.Mode() == rueidis.ClientModeCluster)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // no trigger of the pattern can be set there
	}
	return &TenantVisit{w, core, names, lua}, nil
}

// scheduleKinds are the kinds of the keys of a schedule that hold entries of
// tenants, in the order of the keys of erase.lua.
var scheduleKinds = []string{"due", "active", "status", "payloads", "dead", "fired", "tenants", "earlier", "ready"}

// placeKinds are the kinds of the keys that hold the places of one tenant; see
// lua/lib/places.lua.
var placeKinds = []string{"running", "blocked"}

// parseScheduleKey parses a key of a schedule that holds entries of tenants.
func (n naming) parseScheduleKey(key string) (kind string, l triggerKey, ok bool) {
	rest, ok := strings.CutPrefix(key, n.prefix+"%exp")
	if !ok {
		return "", l, false
	}
	shard, rest, _ := strings.Cut(rest, ":")
	kind, l.action, ok = strings.Cut(rest, ":")
	if slices.Contains(placeKinds, kind) {
		l.tenant, l.action = l.action, ""
		return kind, l, ok && shard == ""
	}
	if kind == "ready" {
		l.action, l.tenant, ok = cutLast(l.action)
	}
	if n.sharded {
		shard = strings.TrimSuffix(strings.TrimPrefix(shard, "{"), "}")
	}
	l.shard = shard
	return kind, l, ok && slices.Contains(scheduleKinds, kind) && slices.Contains(n.allShards(), shard)
}

// cutLast cuts a text at its last colon.
func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

// ParseSchedule parses a key that has entries of a schedule, and returns its
// kind and the action.
func (v *TenantVisit) ParseSchedule(key string) (kind, action string, ok bool) {
	kind, l, ok := v.names.parseScheduleKey(key)
	return kind, l.action, ok
}

// VisitSchedule counts the entries of a schedule that belong to tenants of the
// walk, and removes them. If the key holds another type, it has none.
func (v *TenantVisit) VisitSchedule(ctx context.Context, key string) error {
	kind, l, _ := v.names.parseScheduleKey(key)
	t := v.target(key)
	if slices.Contains(placeKinds, kind) {
		return v.erasePlaces(ctx, t, l)
	}
	now := float64(v.core.Clock().Now().UnixMilli())
	for cursor := uint64(0); ; {
		entries, next, err := scanEntries(ctx, v.core, v.names, v.walk.Tenant, kind, key, cursor)
		if errors.Is(fault.Translate(err), fault.ErrWrongType) {
			return nil
		}
		if err != nil {
			return t.Failed(err)
		}
		found := erasure{shard: l.shard, action: l.action}
		for _, e := range entries {
			if kind == "tenants" {
				found.hasTurn = found.hasTurn || e.name == v.names.tenantInKeys(v.walk.Tenant, l.shard, l.action)
				continue
			}
			name, firing := splitEntry(kind, e.name)
			trigger, ok := v.names.parse(name)
			if !ok || !v.walk.Concerns(trigger.tenant) {
				continue
			}
			found.add(name, firing)
			for _, counted := range e.kinds(kind, now) {
				if !v.walk.Remove {
					v.walk.Count(trigger.tenant, counted, 1)
				}
			}
		}
		if v.walk.Remove {
			if err := v.erase(ctx, found); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// erasePlaces removes a key with the places of the tenant.
func (v *TenantVisit) erasePlaces(ctx context.Context, t fault.Target, l triggerKey) error {
	if !v.walk.Remove || l.tenant != v.names.tenantInKeys(v.walk.Tenant, "", "a") {
		return nil
	}
	if err := v.core.Client.Do(ctx, v.core.Client.B().Unlink().Key(t.Key).Build()).Error(); err != nil {
		return t.Failed(err)
	}
	return nil
}

// entry is an entry of a key of a schedule: the member and score of a sorted
// set, or the field and value of a hash.
type entry struct {
	name, text string
	score      float64
}

// kinds returns as what an entry counts. An entry that belongs to another one
// counts as nothing.
func (e entry) kinds(kind string, now float64) []string {
	switch {
	case kind == "due" && e.score <= now:
		return []string{tenancy.Trigger, tenancy.TriggerDue}
	case kind == "due":
		return []string{tenancy.Trigger}
	case kind == "status":
		state, ok := stateIn(e.text)
		if ok && !strings.HasPrefix(e.name, "=") && !strings.HasPrefix(e.name, "+") {
			return []string{firingKinds[state]}
		}
	}
	return nil
}

// firingKinds are the kinds as which firings count, by their state.
var firingKinds = []string{tenancy.TriggerInFlight, tenancy.TriggerWaiting, tenancy.TriggerDead}

// stateIn returns the state in the status of a firing: 0, 1 or 2.
func stateIn(status string) (int, bool) {
	found := statusState.FindStringSubmatch(status)
	if len(found) < 2 {
		return 0, false
	}
	return int(found[1][0] - '0'), true
}

// statusState finds the state in the status of a firing.
var statusState = regexp.MustCompile(`^\d+ \d+ \d+ ([012])`)

// splitEntry returns the key of the trigger to which an entry belongs, and the
// firing if the entry is one.
func splitEntry(kind, name string) (key, firing string) {
	switch {
	case kind == "due" || kind == "fired":
		return name, ""
	case kind == "ready" || kind == "earlier": // see lua/lib/backlog.lua
		if trigger, ok := strings.CutPrefix(name, "t"); ok {
			return trigger, ""
		}
		name = strings.TrimPrefix(name, "f")
	}
	before, key, _ := strings.Cut(name, "|")
	if before == "=" || before == "+" || before == "-" {
		return key, ""
	}
	return key, name
}

// scanCount is the COUNT of the scans of a schedule.
const scanCount = 500

// scanEntries returns a page of the entries of a key of a schedule. With a
// tenant, the server leaves out most entries of others.
func scanEntries(ctx context.Context, core *store.Store, names naming, tenant, kind, key string, cursor uint64) (entries []entry, next uint64, err error) {
	b, glob := core.Client.B(), "*"
	if tenant != "" && kind != "tenants" {
		glob += names.glob(triggerKey{tenant, keyspace.Any, keyspace.Any, keyspace.Any})
	}
	if kind == "status" || kind == "payloads" {
		page, err := store.ReadScan(core.Client.Do(ctx, b.Hscan().Key(key).Cursor(cursor).Match(glob).Count(scanCount).Build()))
		for i := 0; i+1 < len(page.Elements); i += 2 {
			entries = append(entries, entry{name: page.Elements[i], text: page.Elements[i+1]})
		}
		return entries, page.Cursor, err
	}
	m, err := core.Client.Do(ctx, b.Zscan().Key(key).Cursor(cursor).Match(glob).Count(scanCount).Build()).ToMessage()
	if err != nil {
		return nil, 0, err
	}
	parts, err := m.ToArray()
	if err != nil || len(parts) != 2 {
		return nil, 0, errors.Join(err, errReply)
	}
	next, err = parts[0].AsUint64()
	scores, errScores := parts[1].AsZScores()
	for _, z := range scores {
		entries = append(entries, entry{name: z.Member, score: z.Score})
	}
	return entries, next, errors.Join(err, errScores)
}

// VisitKeys counts the keys of triggers that no schedule has, and removes the
// triggers of all keys.
func (v *TenantVisit) VisitKeys(ctx context.Context, keys []string) error {
	if !v.walk.Remove {
		return v.countBare(ctx, keys)
	}
	groups := map[triggerKey]*erasure{}
	for _, key := range keys {
		l, _ := v.names.parse(key)
		at := triggerKey{shard: l.shard, action: l.action}
		if groups[at] == nil {
			groups[at] = &erasure{shard: l.shard, action: l.action}
		}
		groups[at].add(key, "")
	}
	for _, group := range groups {
		if err := v.erase(ctx, *group); err != nil {
			return err
		}
	}
	return nil
}

// countBare counts the keys of triggers that no schedule has.
func (v *TenantVisit) countBare(ctx context.Context, keys []string) error {
	cmds := make(rueidis.Commands, len(keys))
	tenants := make([]string, len(keys))
	for i, key := range keys {
		l, _ := v.names.parse(key)
		tenants[i] = l.tenant
		cmds[i] = v.core.Client.B().Zscore().Key(v.names.scheduleKey("due", l.shard, l.action)).Member(key).Build()
	}
	for i, reply := range v.core.Client.DoMulti(ctx, cmds...) {
		switch err := reply.Error(); {
		case rueidis.IsRedisNil(err) || errors.Is(fault.Translate(err), fault.ErrWrongType):
			v.walk.Count(tenants[i], tenancy.Trigger, 1)
		case err != nil:
			return v.target(keys[i]).Failed(err)
		}
	}
	return nil
}

// erasure holds what is removed of one action in one shard.
type erasure struct {
	shard, action string
	keys, firings []string
	hasTurn       bool // whether the tenant is in the order of the tenants
}

func (e *erasure) add(key, firing string) {
	e.keys = append(e.keys, key)
	if firing != "" {
		e.firings = append(e.firings, firing)
	}
}

// eraseCount is the number of triggers that one script removes.
const eraseCount = 100

// erasedKinds are the kinds of the numbers that erase.lua returns.
var erasedKinds = append([]string{tenancy.Trigger, tenancy.TriggerDue}, firingKinds...)

// erase removes triggers of the tenant, and counts what it removed.
func (v *TenantVisit) erase(ctx context.Context, e erasure) error {
	schedule := make([]string, len(scheduleKinds), len(scheduleKinds)+eraseCount)
	for i, kind := range scheduleKinds {
		schedule[i] = v.names.scheduleKey(kind, e.shard, e.action)
	}
	tenant := v.names.tenantInKeys(v.walk.Tenant, e.shard, e.action)
	schedule[len(schedule)-1] += ":" + tenant
	slices.Sort(e.keys)
	e.keys = slices.Compact(e.keys)
	for len(e.keys) > 0 || len(e.firings) > 0 || e.hasTurn {
		e.hasTurn = false
		n, m := min(len(e.keys), eraseCount), min(len(e.firings), eraseCount)
		reply, err := runScript(ctx, v.core.Client, v.lua.erase, append(schedule, e.keys[:n]...), append([]string{tenant}, e.firings[:m]...))
		if err != nil {
			return sentError(v.target(schedule[0]), err)
		}
		removed, err := reply.AsIntSlice()
		if err != nil || len(removed) != len(erasedKinds) {
			return v.target(schedule[0]).Applied(errReply)
		}
		for i, n := range removed {
			if n > 0 {
				v.walk.Count(v.walk.Tenant, erasedKinds[i], n)
			}
		}
		e.keys, e.firings = e.keys[n:], e.firings[m:]
	}
	return nil
}

func (v *TenantVisit) target(key string) fault.Target {
	return fault.Target{Op: v.walk.Op, Pool: v.core.Alias, Key: key, Write: v.walk.Remove, Retryable: true}
}
