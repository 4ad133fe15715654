package expiry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// Listener runs the handlers of a [Registry] when triggers are due. Any number
// of listeners, in any number of processes, share the work. A Listener is safe
// for concurrent use.
type Listener struct {
	cfg            Config
	pools          *pool.Pools
	core           *store.Store
	names          naming
	consumers      []*consumer
	parts          [][]*consumer // the consumers of each script that looks for work
	byKey          map[consumerKey]*consumer
	handle         Handler // calls the middleware, and then the handler of the event
	slots          *slots
	clock          *testclock.Clock
	count          counters
	running        atomic.Bool
	subscribed     atomic.Int64 // the number of nodes from which wake-ups come
	lastFailureLog atomic.Int64 // when a failed call was last logged, in Unix seconds

	noEventsOnce sync.Once // for the log line about missing events
	logLimit     logLimiter
	unhandled    unhandledActions
}

type consumerKey struct{ shard, action string }

// NewListener returns a listener for the actions that r has now. It calls each
// middleware of r once, and sends nothing.
//
// If fields of cfg are invalid, NewListener returns a [*ConfigError] for each,
// joined. If p is nil or has no pool with the alias, it returns
// [ErrUnknownPool]. If r is nil or empty, or if a middleware of r is nil or
// returns nil, it returns [ErrInvalidArgument]. If an action cannot be part of
// a key, it returns [ErrInvalidKey]. If two actions have the same keys in the
// layout, it returns [ErrRegistered]. If the layout does not fit the server, it
// returns [ErrUnsupported]. If the pools are closed, it returns [ErrClosed].
func NewListener(p *pool.Pools, r *Registry, cfg Config) (*Listener, error) {
	if err := p.Opened(internal.NotForPublicUse{}); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	if r == nil {
		return nil, fmt.Errorf("expiry: %w: the Registry is nil; create one with NewRegistry", fault.ErrInvalidArgument)
	}
	cfg, err := cfg.withDefaults(p)
	if err != nil {
		return nil, err
	}
	l := &Listener{cfg: cfg, pools: p, slots: newSlots(cfg.Workers), byKey: map[consumerKey]*consumer{}}
	if l.core, err = newCore(p, cfg.Pool); err != nil {
		return nil, err
	}
	l.clock = l.core.Clock()
	cluster := l.core.Client.Mode() == rueidis.ClientModeCluster
	if l.names, err = newNaming(cfg.Layout.Trigger, l.core.Prefix(), cluster); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	if l.names.sharded && cfg.PerTenant > 0 {
		return nil, fmt.Errorf("expiry: %w: with %q, the triggers of a tenant are in several slots of a cluster, and no script can count the firings of all; set PerTenant to 0, or use a server that is not a cluster, with a pattern without a shard",
			fault.ErrUnsupported, l.names.pattern)
	}
	handlers, middleware := r.snapshot()
	if err := l.makeConsumers(handlers); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	if l.handle, err = wrap(middleware); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	return l, nil
}

// makeConsumers creates a consumer for each action and shard.
func (l *Listener) makeConsumers(handlers map[string]Handler) error {
	if len(handlers) == 0 {
		return fmt.Errorf("%w: the Registry has no handlers; register one with On before you call NewListener", fault.ErrInvalidArgument)
	}
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		if err := l.names.checkAction(name); err != nil {
			return err
		}
		action, err := l.names.actionInKeys(name)
		if err != nil {
			return err
		}
		for _, shard := range l.names.allShards() {
			key := consumerKey{shard, action}
			if _, taken := l.byKey[key]; taken {
				return fmt.Errorf("%w: in keys of %q, the action %q and another one are both %q; rename one of them", ErrRegistered, l.names.pattern, name, action)
			}
			c := newConsumer(l, newQueue(l.core.Client, l.names, shard, action), handlers[name])
			c.perTenant = l.cfg.PerTenant
			l.byKey[key] = c
			l.consumers = append(l.consumers, c)
		}
	}
	l.parts = inParts(l.consumers)
	return nil
}

func (l *Listener) consumerOf(shard, action string) (*consumer, bool) {
	c, ok := l.byKey[consumerKey{shard, action}]
	return c, ok
}

// Run claims triggers that are due and runs their handlers, until ctx ends.
// Then it claims no more and waits up to [Config.StopTimeout] for the handlers
// that run. It ends the contexts of the handlers that still run after that,
// releases the firings whose handlers do not return, and returns nil. Run may
// be called again after it returned.
//
// If the server does not reply, or refuses a call, Run logs the error and tries
// again until the call succeeds. If the pools are closed, Run returns
// [ErrClosed]. If the server is older than Redis 7.0, or if Run is running
// already, it returns [ErrUnsupported].
func (l *Listener) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("expiry: Run: %w: the listener is running already; create another one with NewListener", fault.ErrUnsupported)
	}
	defer l.running.Store(false)
	defer l.clock.Running(ctx)()
	if err := l.checkServer(ctx); err != nil {
		return err
	}
	s := newSession(ctx)
	defer s.close()
	l.start(s)
	<-s.ctx.Done()
	l.stop(s)
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(s.ctx)
}
