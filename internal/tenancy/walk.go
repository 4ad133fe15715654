package tenancy

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Walk visits what one tenant or all tenants have, counts it, and removes it if
// Remove is set. It finds keys with SCAN, and entries of keys that tenants
// share with SSCAN, ZSCAN and HSCAN. It holds no more than a page of them.
type Walk struct {
	Op     string
	Pools  *pool.Pools
	Layout keyspace.Layout
	Alias  pool.Alias // the only pool to visit; empty: all pools
	Tenant string     // empty: all tenants, and Remove is not set
	Remove bool

	// Pace limits the rate of the walks, and reports their progress. It may be
	// nil. Passes is how many walks there are; 0 means one.
	Pace   *option.Pace
	Passes int64

	// Permanent also counts the records without a lifetime, with one PTTL for
	// each record.
	Permanent bool

	// Count is called with the number of things of a kind that a tenant has.
	Count func(tenant, kind string, n int64)

	// DeleteQueue removes a queue with its claims and dead letters.
	DeleteQueue func(ctx context.Context, q QueueName) error

	// Triggers returns what visits the triggers on a pool, or nil if the pool
	// cannot have triggers.
	Triggers func(w *Walk, a pool.Alias) (Triggers, error)
}

// QueueName names a queue of any tenant.
type QueueName struct {
	Alias                           pool.Alias
	Tenant, Service, Entity, Action string
}

// Triggers visits the triggers on one pool for a [Walk].
type Triggers interface {
	// ParseSchedule parses a key that has entries of a schedule, and returns
	// its kind and the action.
	ParseSchedule(key string) (kind, action string, ok bool)

	// VisitSchedule counts and removes entries of a schedule.
	VisitSchedule(ctx context.Context, key string) error

	// VisitKeys counts and removes the keys of triggers.
	VisitKeys(ctx context.Context, keys []string) error
}

// Concerns reports whether the walk visits a tenant.
func (w *Walk) Concerns(tenant string) bool { return w.Tenant == "" || w.Tenant == tenant }

// keysSpace is the space of all keys of a pool.
var keysSpace, _ = keyspace.MustCompile("{key}").Bind()

// Run runs the walk. It stops at the first error.
func (w *Walk) Run(ctx context.Context) error {
	databases, err := w.databases()
	if err != nil {
		return err
	}
	w.announce(ctx, databases)
	for _, d := range databases {
		if err := d.visit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// announce sets the total of the progress before the first walk.
func (w *Walk) announce(ctx context.Context, databases []*visitor) {
	if !w.Pace.Measures() {
		return
	}
	var keys int64
	for _, d := range databases {
		keys += d.store.DatabaseSize(ctx, w.Op)
	}
	w.Pace.Announce(keys * max(w.Passes, 1))
}

// databases returns the databases of the pools.
func (w *Walk) databases() (all []*visitor, err error) {
	if err := w.Pools.Opened(internal.NotForPublicUse{}); err != nil {
		return nil, err
	}
	aliases := w.Pools.Aliases()
	if w.Alias != "" {
		aliases = []pool.Alias{w.Alias}
	}
	for _, a := range aliases {
		s, err := store.New(w.Pools, a, keysSpace, store.Spec{}, option.Paced(w.Pace))
		if err != nil {
			return nil, err
		}
		triggers, err := w.Triggers(w, a)
		if err != nil {
			return nil, err
		}
		shared := slices.IndexFunc(all, func(v *visitor) bool {
			return w.Pools.SharesDatabase(internal.NotForPublicUse{}, v.aliases[0], a)
		})
		if shared < 0 {
			shared, all = len(all), append(all, w.newVisitor(s))
		}
		all[shared].add(a, s, triggers)
	}
	return all, nil
}

// Queues iterates over the queues of a tenant that have items or dead letters,
// each once. It sends SCAN over the database of the store.
func Queues(ctx context.Context, s *store.Store, l keyspace.Layout, op, tenant string) iter.Seq2[QueueName, error] {
	return func(yield func(QueueName, error) bool) {
		t, err := s.BeginAll(ctx, op)
		if err == nil {
			if err = CheckLayout(l); err != nil {
				err = t.NotApplied(err)
			}
		}
		if err != nil {
			yield(QueueName{}, err)
			return
		}
		v := (&Walk{Layout: l, Tenant: tenant}).newVisitor(s)
		v.add(s.Alias, s, nil)
		seen := map[string]bool{}
		for _, text := range v.tenantTexts() {
			for page, err := range s.ScanDatabase(ctx, op, keysWith{"*" + anyKey.Glob(text) + "*", nil}) {
				if err != nil {
					yield(QueueName{}, err)
					return
				}
				for _, key := range page.IDs {
					o, ok := v.ownerOf(key)
					if !ok || o.kind != Queue || o.tenant != tenant || !holdsItems(o.beside) || seen[o.record] {
						continue
					}
					seen[o.record] = true
					if !yield(QueueName{o.alias, o.tenant, o.service, o.entity, o.action}, nil) {
						return
					}
				}
			}
		}
	}
}

// visitor visits one database.
type visitor struct {
	*Walk
	database
	store    *store.Store // of any alias
	stores   map[pool.Alias]*store.Store
	triggers map[pool.Alias]Triggers

	services   map[pool.Alias]map[string]bool // whose pending sets were found
	registries map[string]pool.Alias          // keys of registries that were found
}

func (w *Walk) newVisitor(s *store.Store) *visitor {
	v := &visitor{
		Walk: w, store: s, stores: map[pool.Alias]*store.Store{}, triggers: map[pool.Alias]Triggers{},
		services: map[pool.Alias]map[string]bool{}, registries: map[string]pool.Alias{},
	}
	v.database = database{prefixes: map[pool.Alias]string{}, patterns: map[string]keyspace.Pattern{pendingSet: w.Layout.PendingSet}, generic: w.Alias != ""}
	for _, p := range layoutKinds(w.Layout) {
		v.patterns[p.kind] = p.Pattern
	}
	return v
}

func (v *visitor) add(a pool.Alias, s *store.Store, triggers Triggers) {
	v.aliases = append(v.aliases, a)
	v.prefixes[a], v.stores[a], v.services[a] = s.Prefix(), s, map[string]bool{}
	if triggers != nil {
		v.triggers[a] = triggers
	}
}

// visit visits everything in the database in one scan. Pending sets come after
// the queues, because the removal of a queue writes to the schedule.
func (v *visitor) visit(ctx context.Context) error {
	if v.Tenant == "" {
		return v.scan(ctx, nil, v.visitSchedules, v.visitKeys, v.visitPendingSets)
	}
	// The server could leave out other keys, but it needs a scan for each of
	// these texts then, which costs more than to send all names.
	texts := append(v.tenantTexts(), "%exp", literalBefore(v.Layout.PendingSet))
	if err := v.scan(ctx, texts, v.visitSchedules, v.visitKeys, v.visitPendingSets); err != nil {
		return err
	}
	return errors.Join(v.visitServices(ctx), v.visitRegistries(ctx))
}

// scan calls each function with each page of the keys that contain one of the
// texts, or of all keys without texts.
func (v *visitor) scan(ctx context.Context, texts []string, visit ...func(context.Context, []found) error) error {
	for page, err := range v.store.ScanDatabase(ctx, v.Op, keysWith{"*", texts}) {
		if err != nil {
			return err
		}
		keys := make([]found, len(page.IDs))
		for i, key := range page.IDs {
			keys[i].key = key
			keys[i].owner, keys[i].known = v.ownerOf(key)
		}
		for _, visit := range visit {
			if err := visit(ctx, keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// found is a key that a scan found.
type found struct {
	key string
	owner
	known bool // the owner is known
}

// keysWith are the keys that match a glob and contain one of the texts, if
// there are any. It implements [store.Keys].
type keysWith struct {
	glob  string
	texts []string
}

// Glob returns the glob.
func (k keysWith) Glob() string { return k.glob }

// ID returns the key, and reports whether it contains one of the texts.
func (k keysWith) ID(key string) (string, bool) {
	contains := func(text string) bool { return strings.Contains(key, text) }
	return key, k.texts == nil || slices.ContainsFunc(k.texts, contains)
}

// tenantTexts returns texts of which every key of the tenant contains one. It
// is usually one.
func (v *visitor) tenantTexts() (texts []string) {
	for _, p := range layoutKinds(v.Layout) {
		if text, ok := writtenTenant(p.Pattern, v.Tenant); ok {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// anyKey is a pattern whose glob of one part is that text.
var anyKey = keyspace.MustCompile("{text}")

// literalBefore returns the text before the first parameter of a pattern.
func literalBefore(p keyspace.Pattern) string {
	text, _, _ := strings.Cut(p.String(), "{")
	return text
}

// writtenTenant returns a tenant as it is written in the keys of a pattern.
func writtenTenant(p keyspace.Pattern, tenant string) (string, bool) {
	parts := slices.Repeat([]string{"1"}, len(p.Params()))
	one, err := p.Key(parts...)
	parts[0] = tenant
	key, errKey := p.Key(parts...)
	if err != nil || errKey != nil {
		return "", false
	}
	at := len(literalBefore(p))
	if strings.HasPrefix(p.String()[at:], "{{") {
		at++
	}
	return key[at : len(key)-(len(one)-at-1)], true
}

// visitSchedules visits the keys of a page that are schedules of triggers.
func (v *visitor) visitSchedules(ctx context.Context, keys []found) error {
	for _, k := range keys {
		for _, a := range v.aliases {
			t := v.triggers[a]
			if t == nil {
				continue
			}
			if _, _, ok := t.ParseSchedule(k.key); ok {
				if err := t.VisitSchedule(ctx, k.key); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// visitKeys visits the keys of a page that belong to one tenant.
func (v *visitor) visitKeys(ctx context.Context, keys []found) error {
	mine := make([]found, 0, len(keys))
	triggers := map[pool.Alias][]string{}
	for _, k := range keys {
		switch {
		case !k.known:
		case k.kind == registry:
			v.noteRegistry(k.key)
		case k.kind == pendingSet || !v.Concerns(k.tenant):
		case k.kind == Trigger && k.beside == "" && v.triggers[k.alias] != nil:
			triggers[k.alias] = append(triggers[k.alias], k.key)
		default:
			mine = append(mine, k)
		}
	}
	for a, keys := range triggers {
		if err := v.triggers[a].VisitKeys(ctx, keys); err != nil {
			return err
		}
	}
	if err := v.count(ctx, mine); err != nil || !v.Remove {
		return err
	}
	return v.remove(ctx, mine)
}

// remove removes keys of the tenant. A queue goes first as a whole, so that no
// worker claims from what is left of it.
func (v *visitor) remove(ctx context.Context, keys []found) error {
	var steps fault.Steps
	deleted := map[string]bool{}
	for _, k := range keys {
		if k.kind != Queue || deleted[k.record] {
			continue
		}
		deleted[k.record] = true
		if err := v.DeleteQueue(ctx, QueueName{k.alias, k.tenant, k.service, k.entity, k.action}); err != nil {
			return err
		}
		steps.Applied()
	}
	byAlias := map[pool.Alias][]fault.Target{}
	for _, k := range keys {
		t := fault.Target{Op: v.Op, Pool: k.alias, Key: k.key, Write: true}
		byAlias[k.alias] = append(byAlias[k.alias], t)
	}
	for a, targets := range byAlias {
		if err := v.stores[a].UnlinkAll(ctx, targets); err != nil {
			return steps.Error(targets[0], err)
		}
		steps.Applied()
	}
	return nil
}

// pages returns the pages of a cursor that read returns.
func pages(read func(cursor uint64) ([]string, uint64, error)) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for cursor := uint64(0); ; {
			elements, next, err := read(cursor)
			if !yield(elements, err) || err != nil || next == 0 {
				return
			}
			cursor = next
		}
	}
}
