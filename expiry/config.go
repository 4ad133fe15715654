package expiry

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Config configures a [Listener]. The zero Config uses the default of every
// field.
type Config struct {
	// Pool is the alias of the pool that holds the triggers. If triggers are
	// set with [On] or symphony.On, use the same alias.
	//
	// Defaults to [pool.Expiry].
	Pool pool.Alias

	// Workers is the maximum number of handlers that this listener runs at
	// once. At most 10,000.
	//
	// Defaults to 16.
	Workers int

	// PerTenant is the maximum number of firings of one tenant that run at
	// once, over all actions, listeners and processes, so that one tenant does
	// not occupy all workers. The script that claims a firing also takes a
	// place of the tenant for the duration of Lease. The place is renewed while
	// the handler runs, and freed when it returns; if the worker dies, it is
	// free when the lease has expired. While a tenant has no free place, its
	// firings wait, and those of others are claimed. Listeners are woken when a
	// place is free.
	//
	// Each claim and each recorded batch of outcomes costs one script more, and
	// each third of Lease another one. Use the same number in all listeners.
	// The firings of those without one are not counted.
	//
	// On a cluster, [NewListener] returns [ErrUnsupported] if PerTenant is set.
	//
	// Defaults to 0: no bound.
	PerTenant int

	// Lease is how long a worker holds a firing without a renewal. The listener
	// renews the leases of running handlers after each third of it, so a
	// handler may run for any time. If a worker dies, its firings are
	// redelivered when their leases expire. If a lease cannot be renewed, the
	// handler's context ends at least a tenth of the lease before it expires.
	// At least 10 ms. On a cluster, an idle listener sends more than one
	// command a second if the lease is under 17 seconds, so that it finds the
	// firings of a dead worker in time.
	//
	// Defaults to 30 seconds.
	Lease time.Duration

	// Batch is the maximum number of firings that one claim takes. A claim
	// never takes more firings than there are free workers. It is one script,
	// and takes at most 250 firings so that it does not block the server; a
	// larger Batch has the effect of 250. At most 1000.
	//
	// Defaults to 100.
	Batch int

	// MaxAttempts is the number of failures after which a firing becomes a dead
	// letter.
	//
	// Defaults to 20, which takes about an hour with the default Backoff.
	MaxAttempts int

	// MaxExpiredLeases is the number of expired leases after which a firing
	// becomes a dead letter. Without a limit, work that kills its process would
	// be redelivered for ever. If a process dies, the leases of all its firings
	// expire, and each of them is counted.
	//
	// Defaults to 20, which takes ten minutes with the default Lease.
	MaxExpiredLeases int

	// DeadLimit is the maximum number of dead letters of an action that are
	// kept; on a cluster, of an action in each of its 16 shards. If there are
	// more, the oldest ones are removed with their payloads: by the listener
	// that adds a dead letter, right after that, and by each sweep. So a
	// listener removes dead letters of the actions that it handles, also those
	// that others added. Those that wait to be redelivered after a Retry are
	// counted, but stay. The limit is for all tenants together.
	//
	// The listener logs how many it removes, and Stats.DeadRemoved counts them.
	// Use the same limit in all listeners of an action, since the smallest one
	// counts.
	//
	// Defaults to 0: all are kept.
	DeadLimit int

	// DeadFor is how long dead letters are kept. Those that died longer ago, by
	// the server's clock, are removed in the same way as those beyond
	// DeadLimit. While no listener handles the action, they stay.
	//
	// Defaults to 0: they are kept for ever.
	DeadFor time.Duration

	// Backoff returns the delay before the next attempt after err, the
	// attempt-th failure, counted from 1. A negative delay is 0. If Backoff
	// panics, the default is used. It is not called for [GiveUp] and
	// [RetryAfter].
	//
	// Defaults to one second, doubled with each failure up to five minutes,
	// plus or minus a random fifth.
	Backoff func(attempt int, err error) time.Duration

	// StopTimeout is how long handlers may continue after the context of
	// [Listener.Run] ends. Then their contexts end. They have one more second
	// to return, or StopTimeout if that is shorter. Firings that are not done
	// then are released, and other listeners can claim them at once.
	//
	// Defaults to 10 seconds.
	StopTimeout time.Duration

	// Sweep is the interval at which the schedule is compared with the keys of
	// triggers. A sweep finds the triggers that other services deleted, and
	// those that they set or moved without a keyspace event. Listeners share
	// the sweeps.
	//
	// Defaults to one minute.
	Sweep time.Duration

	// Layout is the layout of the keys of triggers. Use the layout with which
	// the triggers are set.
	//
	// Defaults to the layout of the pools, [pool.Pools.Layout].
	Layout keyspace.Layout

	// Codec decodes the payloads that were encoded with a custom codec.
	// Payloads name their codec; those of package [codec] need no Codec here.
	//
	// Defaults to [codec.Compact].
	Codec codec.Codec

	// Logger receives failures, panics with their stacks, dead letters, and
	// problems with the server.
	//
	// Defaults to [slog.Default].
	Logger *slog.Logger
}

const (
	shortestLease = 10 * time.Millisecond
	largestBatch  = 1000
	mostWorkers   = 10_000
)

// withDefaults returns the Config with its defaults, or the joined errors of
// all invalid fields.
func (c Config) withDefaults(p *pool.Pools) (Config, error) {
	var mistakes []error
	defaultTo(&mistakes, "Workers", &c.Workers, 16)
	defaultTo(&mistakes, "Batch", &c.Batch, 100)
	defaultTo(&mistakes, "MaxAttempts", &c.MaxAttempts, 20)
	defaultTo(&mistakes, "MaxExpiredLeases", &c.MaxExpiredLeases, 20)
	bound(&mistakes, "PerTenant", &c.PerTenant, "for no bound")
	bound(&mistakes, "DeadLimit", &c.DeadLimit, "to keep all dead letters")
	bound(&mistakes, "DeadFor", &c.DeadFor, "to keep dead letters for ever")
	defaultTo(&mistakes, "Lease", &c.Lease, 30*time.Second)
	defaultTo(&mistakes, "StopTimeout", &c.StopTimeout, 10*time.Second)
	defaultTo(&mistakes, "Sweep", &c.Sweep, time.Minute)
	if c.Lease > 0 && c.Lease < shortestLease {
		mistakes = append(mistakes, &ConfigError{Config: "expiry.Config", Field: "Lease", Reason: fmt.Sprintf("%v is too short to be renewed in time; use at least %v", c.Lease, shortestLease)})
	}
	if c.Batch > largestBatch {
		mistakes = append(mistakes, &ConfigError{Config: "expiry.Config", Field: "Batch", Reason: fmt.Sprintf("%d is too large; use at most %d", c.Batch, largestBatch)})
	}
	if c.Workers > mostWorkers {
		mistakes = append(mistakes, &ConfigError{Config: "expiry.Config", Field: "Workers", Reason: fmt.Sprintf("%d is too large for one listener; use at most %d, and start more listeners", c.Workers, mostWorkers)})
	}
	if c.Pool == "" {
		c.Pool = pool.Expiry
	}
	if c.Backoff == nil {
		c.Backoff = func(attempt int, _ error) time.Duration { return retry.Work.Delay(attempt - 1) }
	}
	if c.Layout.IsZero() {
		c.Layout = p.Layout()
	}
	if c.Codec == nil {
		c.Codec = codec.Compact
	}
	if _, _, err := codec.SealingOf(internal.NotForPublicUse{}, c.Codec); err != nil {
		mistakes = append(mistakes, &ConfigError{Config: "expiry.Config", Field: "Codec", Reason: err.Error()})
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, errors.Join(mistakes...)
}

// bound checks a field whose zero value means that there is no bound.
func bound[N int | time.Duration](mistakes *[]error, field string, value *N, unbounded string) {
	if *value < 0 {
		*mistakes = append(*mistakes, &ConfigError{Config: "expiry.Config", Field: field, Reason: fmt.Sprintf("%v is negative; use 0 %s", *value, unbounded)})
	}
	checkUnit(mistakes, field, value, 0)
}

func defaultTo[N int | time.Duration](mistakes *[]error, field string, value *N, fallback N) {
	switch {
	case *value == 0:
		*value = fallback
	case *value < 0:
		*mistakes = append(*mistakes, &ConfigError{Config: "expiry.Config", Field: field, Reason: fmt.Sprintf("%v is negative; use 0 for the default of %v", *value, fallback)})
	}
	checkUnit(mistakes, field, value, fallback)
}

// checkUnit checks that a duration has a unit.
func checkUnit[N int | time.Duration](mistakes *[]error, field string, value *N, fallback N) {
	if d, ok := any(*value).(time.Duration); ok {
		if unit := duration.ForgottenUnit(d); unit != "" {
			*mistakes = append(*mistakes, &ConfigError{Config: "expiry.Config", Field: field, Reason: unit})
			*value = fallback
		}
	}
}
