package symphony

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/operation"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/tenancy"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The kinds of what a tenant has, in [TenantStats] and [Erasure].
const (
	KindUser        = tenancy.User        // records of [User]
	KindState       = tenancy.State       // records of [StateHandler]
	KindTable       = tenancy.Table       // rows of [Table]
	KindSharedState = tenancy.SharedState // records of [SharedState]
	KindGeneric     = tenancy.Generic     // values of [Generic]
	KindFeed        = tenancy.Feed        // feeds of [Feed]
	KindLimit       = tenancy.Limit       // buckets of [Limiter]
	KindPermanent   = tenancy.Permanent   // those of the records above that have no lifetime

	KindQueue    = tenancy.Queue    // lists of queues with items that wait
	KindWaiting  = tenancy.Waiting  // items of queues that wait, also for a next attempt
	KindInFlight = tenancy.InFlight // items in claims, also in those whose lease has expired
	KindDead     = tenancy.Dead     // dead letters of queues
	KindPending  = tenancy.Pending  // services in whose pending set the tenant is

	KindTrigger         = tenancy.Trigger         // triggers that have not fired
	KindTriggerDue      = tenancy.TriggerDue      // those of them that are due
	KindTriggerInFlight = tenancy.TriggerInFlight // firings that a handler works on
	KindTriggerWaiting  = tenancy.TriggerWaiting  // firings that wait for their next attempt
	KindTriggerDead     = tenancy.TriggerDead     // dead letters of triggers

	KindIndex  = tenancy.Index  // keys and entries of lists and indexes
	KindBeside = tenancy.Beside // other keys of the library beside a record or a queue, such as claims
)

// TenantStats is what a tenant has.
type TenantStats struct {
	Tenant string
	Keys   map[string]int64 // by kind, such as [KindUser]; those that are 0 are left out
}

// Tenants iterates over all tenants in Redis, sorted by name, with the numbers
// of their records, items and triggers by kind. A tenant is found by its keys,
// or as a member of a pending set.
//
// Tenants walks every database of the pools once, with SCAN, and never blocks
// the server. For each page it sends PTTL for the records, LLEN, ZCARD, HLEN or
// SCARD for the keys of queues, and ZSCORE for the triggers, in one round trip
// each. It reads pending sets with SSCAN, and schedules of triggers with ZSCAN
// and HSCAN. SCAN returns the keys of all tenants in one mixed order, so
// Tenants holds the numbers of each tenant until the walk has ended, and yields
// the first tenant then. Its memory grows with the number of tenants, and not
// with that of keys. The walk is not atomic: what changes meanwhile may be
// counted or not.
//
// Keys are known by the patterns of the layout. Records of primitives with
// other patterns are not counted. The pools default, and those that the program
// added, have generic values; with [On], which limits the walk to one pool,
// that pool has them too.
//
// If the layout accepts different tenants in one key, as [keyspace.Python] does
// with [keyspace.AllowAmbiguous], Tenants yields [ErrUnsupported] and sends
// nothing. So it does for an option other than [Layout], [On], [ScanRate] and
// [Progress]. If a command
// fails, it yields the error alone, without any tenant.
func Tenants(ctx context.Context, pools *pool.Pools, opts ...Option) iter.Seq2[TenantStats, error] {
	return func(yield func(TenantStats, error) bool) {
		w, _, err := newTenantWalk(pools, "Tenants", 0, opts)
		if err != nil {
			yield(TenantStats{}, err)
			return
		}
		counts := map[string]tally{}
		w.Permanent = true
		w.Count = func(tenant, kind string, n int64) {
			if counts[tenant] == nil {
				counts[tenant] = tally{}
			}
			counts[tenant].add(kind, n)
		}
		if err := w.Run(inOperation(ctx, pools, "Tenants", "")); err != nil {
			yield(TenantStats{}, err)
			return
		}
		for _, tenant := range slices.Sorted(maps.Keys(counts)) {
			if !yield(TenantStats{tenant, counts[tenant]}, nil) {
				return
			}
		}
	}
}

// inOperation returns a context by which an observer of the pools sees that a
// function of this package sends the calls.
func inOperation(ctx context.Context, pools *pool.Pools, name, tenant string) context.Context {
	if !pools.Observed(internal.NotForPublicUse{}) {
		return ctx
	}
	return (&operation.Operation{Repository: "symphony", Name: name, Tenant: tenant}).In(ctx)
}

// tally counts things by kind. It has no kind of which there is nothing.
type tally map[string]int64

func (t tally) add(kind string, n int64) {
	if t[kind] += n; t[kind] == 0 {
		delete(t, kind)
	}
}

// newTenantWalk returns a walk over all tenants, and the settings of its
// options.
func newTenantWalk(pools *pool.Pools, op string, traits option.Trait, opts []Option) (*tenancy.Walk, option.Settings, error) {
	var settings option.Settings
	if err := pools.Opened(internal.NotForPublicUse{}); err != nil {
		return nil, settings, fmt.Errorf("symphony: %w", err)
	}
	layout, rest := option.SplitLayout(pools.Layout(), opts)
	err := settings.Apply(traits, rest...)
	if err == nil {
		err = settings.RefuseRecords(op)
	}
	if err == nil {
		err = tenancy.CheckLayout(layout)
	}
	if err != nil {
		return nil, settings, fmt.Errorf("symphony: %w", err)
	}
	return &tenancy.Walk{Op: op, Pools: pools, Layout: layout, Alias: settings.Alias, Pace: settings.Pace, Triggers: triggersOn(layout)}, settings, nil
}

// triggersOn returns what visits the triggers of a pool.
func triggersOn(l keyspace.Layout) func(*tenancy.Walk, pool.Alias) (tenancy.Triggers, error) {
	return func(w *tenancy.Walk, a pool.Alias) (tenancy.Triggers, error) {
		visit, err := expiry.NewTenantVisit(internal.NotForPublicUse{}, w, a, l.Trigger)
		if visit == nil {
			return nil, err
		}
		return visit, nil
	}
}
