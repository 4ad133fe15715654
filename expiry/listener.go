package expiry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// Listener does the work of triggers that fall due, of the actions in its
// registry. Any number of listeners in any number of processes share the work.
type Listener struct {
	cfg            Config
	pools          *pool.Pools
	core           *store.Store
	names          naming
	consumers      []*consumer
	byKey          map[consumerKey]*consumer
	slots          *slots
	count          counters
	running        atomic.Bool
	lastFailureLog atomic.Int64 // when a failed call to Redis was last logged, in Unix seconds

	noEventsOnce sync.Once // that there are no events
	logLimit     logLimiter
}

type consumerKey struct{ shard, action string }

// NewListener makes a listener for the actions that r has now. Nothing is sent.
//
// Errors: a *ConfigError for each mistake in cfg, joined; ErrUnknownPool;
// ErrInvalidKey for an action that cannot be in a key; ErrExists for two actions
// that the layout's keys do not tell apart; ErrUnsupported for a registry
// without handlers, and for a layout that does not fit the server.
func NewListener(p *pool.Pools, r *Registry, cfg Config) (*Listener, error) {
	if p == nil {
		return nil, fmt.Errorf("expiry: %w: the Pools are nil; pool.Open makes them", pool.ErrUnknownPool)
	}
	if r == nil {
		return nil, fmt.Errorf("expiry: %w: the Registry is nil; NewRegistry makes one", fault.ErrInvalidArgument)
	}
	cfg, err := cfg.withDefaults(p)
	if err != nil {
		return nil, err
	}
	l := &Listener{cfg: cfg, pools: p, slots: newSlots(cfg.Workers), byKey: map[consumerKey]*consumer{}}
	if l.core, err = newCore(p, cfg.Pool); err != nil {
		return nil, err
	}
	cluster := l.core.Client.Mode() == rueidis.ClientModeCluster
	if l.names, err = newNaming(cfg.Layout.Trigger, l.core.Prefix(), cluster); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	if err := l.makeConsumers(r.snapshot()); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	return l, nil
}

// handle makes the lanes.
func (l *Listener) makeConsumers(handlers map[string]Handler) error {
	if len(handlers) == 0 {
		return fmt.Errorf("%w: the Registry has no handler; give it one with On before NewListener", fault.ErrInvalidArgument)
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
				return fmt.Errorf("%w: %q is the action %q in a key of %q, and so is another with a handler", fault.ErrExists, name, action, l.names.pattern)
			}
			c := newConsumer(l, newQueue(l.core.Client, l.names, shard, action), handlers[name])
			l.byKey[key] = c
			l.consumers = append(l.consumers, c)
		}
	}
	return nil
}

func (l *Listener) consumerOf(shard, action string) (*consumer, bool) {
	c, ok := l.byKey[consumerKey{shard, action}]
	return c, ok
}

// Run does the work until ctx ends. Then it claims no more, gives the handlers
// at work Config.StopTimeout to finish, ends their contexts, releases what is
// not done to other listeners, and returns nil.
//
// A server that does not answer is asked again until it does. Errors: ErrClosed
// when the pools are closed; ErrUnsupported for a server that is too old, and
// while Run runs already.
func (l *Listener) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("expiry: %w: Run runs already; a second listener needs a NewListener of its own", fault.ErrUnsupported)
	}
	defer l.running.Store(false)
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

// shift is one Run: what it is made of ends in this order.
type session struct {
	ctx  context.Context // no more is claimed
	quit context.CancelCauseFunc

	handlerCtx  context.Context // the handlers' contexts
	endHandlers context.CancelCauseFunc

	redisCtx context.Context // calls to Redis
	endRedis context.CancelFunc

	loops         sync.WaitGroup // what ends with ctx
	handlers      sync.WaitGroup // handlers at work
	recorders     sync.WaitGroup // what records their outcome; ends with idle
	handlersDone  chan struct{}  // no handler is at work any more that counts
	sweepRequests chan struct{}  // asks for a sweep
}

func newSession(parent context.Context) *session {
	s := &session{handlersDone: make(chan struct{}), sweepRequests: make(chan struct{}, 1)}
	s.ctx, s.quit = context.WithCancelCause(parent)
	s.handlerCtx, s.endHandlers = context.WithCancelCause(context.WithoutCancel(parent))
	s.redisCtx, s.endRedis = context.WithCancel(context.WithoutCancel(parent))
	return s
}

func (s *session) close() {
	s.quit(nil)
	s.endHandlers(nil)
	s.endRedis()
}

// errStopped is the cause of the handlers' contexts when the listener stops.
var errStopped = errors.New("the listener stops")

func (l *Listener) start(s *session) {
	for _, c := range l.consumers {
		s.loops.Go(func() { c.loop(s) })
		s.recorders.Go(func() { c.recordOutcomes(s) })
	}
	s.recorders.Go(func() { l.heartbeat(s) })
	s.loops.Go(func() { l.watch(s) })
	s.loops.Go(func() { l.sweep(s) })
}

// settling is how long handlers may take to return once their contexts ended,
// and the server to take note of it.
const settleTime = time.Second

func (l *Listener) stop(s *session) {
	patience := time.AfterFunc(l.cfg.StopTimeout, func() { s.endHandlers(errStopped) })
	defer patience.Stop()
	settle := min(settleTime, l.cfg.StopTimeout)
	returned := make(chan struct{})
	go func() {
		s.loops.Wait()
		s.handlers.Wait()
		close(returned)
	}()
	select {
	case <-returned:
	case <-s.handlerCtx.Done():
		waitFor(returned, settle)
	}
	released := 0
	for _, c := range l.consumers {
		released += c.releaseUnfinished()
	}
	if released > 0 {
		l.cfg.Logger.Warn("expiry: handlers did not return when their contexts ended; their work is released", "handlers", released)
	}
	close(s.handlersDone)
	recorded := make(chan struct{})
	go func() {
		s.recorders.Wait()
		close(recorded)
	}()
	waitFor(recorded, settle)
	s.endRedis()
	<-recorded
}

func waitFor(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// trouble notes a call to Redis that failed, and logs it now and then. It reports
// whether the shift has ended, as it does when the pools are closed.
func (l *Listener) callFailed(s *session, err error) (closed bool) {
	if s.redisCtx.Err() != nil {
		return true
	}
	if _, closed := l.pools.Client(l.cfg.Pool); closed != nil {
		s.quit(fmt.Errorf("expiry: Run: %w", pool.ErrClosed))
		return true
	}
	l.count.errors.Add(1)
	if l.reportWrongType(err, "") {
		return false
	}
	now, said := time.Now().Unix(), l.lastFailureLog.Load()
	if now-said >= failureLogPeriod && l.lastFailureLog.CompareAndSwap(said, now) {
		l.cfg.Logger.Warn("expiry: a call to Redis failed; trying again until it does not", "pool", string(l.cfg.Pool),
			"failures", l.count.errors.Load(), "error", fault.Translate(err))
	}
	return false
}

// troublePeriod is how many seconds lie between two log lines about calls that
// fail.
const failureLogPeriod = 10
