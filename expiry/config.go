package expiry

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/backoff"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Config says how a Listener works. The zero Config is a good start.
type Config struct {
	// Pool is where the triggers are: what Trigger.On was given, if it was.
	//
	// Defaults to pool.Expiry.
	Pool pool.Alias

	// Workers is how many handlers run at once in this listener. At most 10,000.
	//
	// Defaults to 16.
	Workers int

	// Lease is how long claimed work stays with its worker without a heartbeat.
	// Heartbeats come at a third of it, however long a handler runs. A worker
	// that dies is replaced when its lease has lapsed, and one that cannot renew
	// it ends its handler's context before that. At least 10 ms.
	//
	// Defaults to 30 seconds.
	Lease time.Duration

	// Batch is how much work is claimed in one step, never more than there are
	// free workers. At most 1000; more than 250 take several scripts, so that none
	// holds up the server.
	//
	// Defaults to 100.
	Batch int

	// MaxAttempts is how many failures make a trigger a dead letter.
	//
	// Defaults to 20: about an hour with the default Backoff.
	MaxAttempts int

	// MaxLapses is how many lapsed leases make a trigger a dead letter: work that
	// ends its process, or starves it of memory, would otherwise do so for ever.
	// What ran in the same process each time loses its leases along with it.
	//
	// Defaults to 20: ten minutes with the default Lease.
	MaxLapses int

	// Backoff returns the time until the next attempt after err, the attempt-th
	// failure of the trigger, from 1.
	//
	// Defaults to a second that doubles up to five minutes, each with a jitter
	// of a fifth more or less.
	Backoff func(attempt int, err error) time.Duration

	// StopTimeout is how long handlers may go on when the context of Run ends.
	// Then their contexts end too; they get a second to return, at most as long
	// as StopTimeout, and what is not done is released to other listeners.
	//
	// Defaults to 10 seconds.
	StopTimeout time.Duration

	// Sweep is how often the whole schedule is compared with the keys: what
	// another service set, deleted or moved without an event that told so.
	//
	// Defaults to a minute.
	Sweep time.Duration

	// Layout gives the keys of triggers: what symphony.Layout was given.
	//
	// Defaults to the layout of the pools.
	Layout keyspace.Layout

	// Codec reads payloads that were written with a codec of one's own; those of
	// package codec are known by name.
	//
	// Defaults to codec.Compact.
	Codec codec.Codec

	// Logger gets failures, panics with their stack, dead letters, and what the
	// listener has to say about the server.
	//
	// Defaults to slog.Default().
	Logger *slog.Logger
}

const (
	shortestLease = 10 * time.Millisecond
	largestBatch  = 1000
	mostWorkers   = 10_000
)

// withDefaults is the Config in force, or all that is wrong with it.
func (c Config) withDefaults(p *pool.Pools) (Config, error) {
	var bad []error
	defaultTo(&bad, "Workers", &c.Workers, 16)
	defaultTo(&bad, "Batch", &c.Batch, 100)
	defaultTo(&bad, "MaxAttempts", &c.MaxAttempts, 20)
	defaultTo(&bad, "MaxLapses", &c.MaxLapses, 20)
	defaultTo(&bad, "Lease", &c.Lease, 30*time.Second)
	defaultTo(&bad, "StopTimeout", &c.StopTimeout, 10*time.Second)
	defaultTo(&bad, "Sweep", &c.Sweep, time.Minute)
	if c.Lease > 0 && c.Lease < shortestLease {
		bad = append(bad, &ConfigError{Config: "expiry.Config", Field: "Lease", Reason: fmt.Sprintf("%v is too short to be renewed in time; give at least %v", c.Lease, shortestLease)})
	}
	if c.Batch > largestBatch {
		bad = append(bad, &ConfigError{Config: "expiry.Config", Field: "Batch", Reason: fmt.Sprintf("%d would hold up the server; give at most %d", c.Batch, largestBatch)})
	}
	if c.Workers > mostWorkers {
		bad = append(bad, &ConfigError{Config: "expiry.Config", Field: "Workers", Reason: fmt.Sprintf("%d handlers at once are too many for one listener; give at most %d, and start more listeners", c.Workers, mostWorkers)})
	}
	if c.Pool == "" {
		c.Pool = pool.Expiry
	}
	if c.Backoff == nil {
		c.Backoff = func(attempt int, _ error) time.Duration { return backoff.After(attempt) }
	}
	if c.Layout.IsZero() {
		c.Layout = p.Layout()
	}
	if c.Codec == nil {
		c.Codec = codec.Compact
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, errors.Join(bad...)
}

func defaultTo[N int | time.Duration](bad *[]error, field string, value *N, fallback N) {
	switch {
	case *value == 0:
		*value = fallback
	case *value < 0:
		*bad = append(*bad, &ConfigError{Config: "expiry.Config", Field: field, Reason: fmt.Sprintf("%v is negative; leave it out for %v", *value, fallback)})
	}
}
