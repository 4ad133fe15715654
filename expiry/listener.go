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
	cfg     Config
	pools   *pool.Pools
	core    *store.Store
	names   naming
	lanes   []*lane
	byKey   map[laneKey]*lane
	workers *workers
	count   counters
	busy    atomic.Bool
	said    atomic.Int64 // when a failed call to Redis was last logged, in Unix seconds

	saidOnce sync.Once // that there are no events
	reports  reports
}

type laneKey struct{ shard, action string }

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
	l := &Listener{cfg: cfg, pools: p, workers: newWorkers(cfg.Workers), byKey: map[laneKey]*lane{}}
	if l.core, err = newCore(p, cfg.Pool); err != nil {
		return nil, err
	}
	cluster := l.core.Client.Mode() == rueidis.ClientModeCluster
	if l.names, err = newNaming(cfg.Layout.Trigger, l.core.Prefix(), cluster); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	if err := l.handle(r.snapshot()); err != nil {
		return nil, fmt.Errorf("expiry: %w", err)
	}
	return l, nil
}

// handle makes the lanes.
func (l *Listener) handle(handlers map[string]Handler) error {
	if len(handlers) == 0 {
		return fmt.Errorf("%w: the Registry has no handler; give it one with On before NewListener", fault.ErrInvalidArgument)
	}
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		if err := l.names.checkAction(name); err != nil {
			return err
		}
		action, err := l.names.action(name)
		if err != nil {
			return err
		}
		for _, shard := range l.names.allShards() {
			key := laneKey{shard, action}
			if _, taken := l.byKey[key]; taken {
				return fmt.Errorf("%w: %q is the action %q in a key of %q, and so is another with a handler", fault.ErrExists, name, action, l.names.pattern)
			}
			a := newLane(l, newQueue(l.core.Client, l.names, shard, action), handlers[name])
			l.byKey[key] = a
			l.lanes = append(l.lanes, a)
		}
	}
	return nil
}

func (l *Listener) lane(shard, action string) (*lane, bool) {
	a, ok := l.byKey[laneKey{shard, action}]
	return a, ok
}

// Run does the work until ctx ends. Then it claims no more, gives the handlers
// at work Config.StopTimeout to finish, ends their contexts, releases what is
// not done to other listeners, and returns nil.
//
// A server that does not answer is asked again until it does. Errors: ErrClosed
// when the pools are closed; ErrUnsupported for a server that is too old, and
// while Run runs already.
func (l *Listener) Run(ctx context.Context) error {
	if !l.busy.CompareAndSwap(false, true) {
		return fmt.Errorf("expiry: %w: Run runs already; a second listener needs a NewListener of its own", fault.ErrUnsupported)
	}
	defer l.busy.Store(false)
	if err := l.checkServer(ctx); err != nil {
		return err
	}
	s := newShift(ctx)
	defer s.close()
	l.begin(s)
	<-s.ctx.Done()
	l.stop(s)
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// shift is one Run: what it is made of ends in this order.
type shift struct {
	ctx  context.Context // no more is claimed
	quit context.CancelCauseFunc

	work    context.Context // the handlers' contexts
	endWork context.CancelCauseFunc

	io    context.Context // calls to Redis
	endIO context.CancelFunc

	loops    sync.WaitGroup // what ends with ctx
	handlers sync.WaitGroup // handlers at work
	records  sync.WaitGroup // what records their outcome; ends with idle
	idle     chan struct{}  // no handler is at work any more that counts
	sweeps   chan struct{}  // asks for a sweep
}

func newShift(parent context.Context) *shift {
	s := &shift{idle: make(chan struct{}), sweeps: make(chan struct{}, 1)}
	s.ctx, s.quit = context.WithCancelCause(parent)
	s.work, s.endWork = context.WithCancelCause(context.WithoutCancel(parent))
	s.io, s.endIO = context.WithCancel(context.WithoutCancel(parent))
	return s
}

func (s *shift) close() {
	s.quit(nil)
	s.endWork(nil)
	s.endIO()
}

// errStopped is the cause of the handlers' contexts when the listener stops.
var errStopped = errors.New("the listener stops")

func (l *Listener) begin(s *shift) {
	for _, a := range l.lanes {
		s.loops.Go(func() { a.loop(s) })
		s.records.Go(func() { a.record(s) })
	}
	s.records.Go(func() { l.heartbeat(s) })
	s.loops.Go(func() { l.watch(s) })
	s.loops.Go(func() { l.sweep(s) })
}

// settling is how long handlers may take to return once their contexts ended,
// and the server to take note of it.
const settling = time.Second

func (l *Listener) stop(s *shift) {
	patience := time.AfterFunc(l.cfg.StopTimeout, func() { s.endWork(errStopped) })
	defer patience.Stop()
	settle := min(settling, l.cfg.StopTimeout)
	returned := make(chan struct{})
	go func() {
		s.loops.Wait()
		s.handlers.Wait()
		close(returned)
	}()
	select {
	case <-returned:
	case <-s.work.Done():
		await(returned, settle)
	}
	released := 0
	for _, a := range l.lanes {
		released += a.abandon()
	}
	if released > 0 {
		l.cfg.Logger.Warn("expiry: handlers did not return when their contexts ended; their work is released", "handlers", released)
	}
	close(s.idle)
	recorded := make(chan struct{})
	go func() {
		s.records.Wait()
		close(recorded)
	}()
	await(recorded, settle)
	s.endIO()
	<-recorded
}

func await(done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// trouble notes a call to Redis that failed, and logs it now and then. It reports
// whether the shift has ended, as it does when the pools are closed.
func (l *Listener) trouble(s *shift, err error) (closed bool) {
	if s.io.Err() != nil {
		return true
	}
	if _, closed := l.pools.Client(l.cfg.Pool); closed != nil {
		s.quit(fmt.Errorf("expiry: Run: %w", pool.ErrClosed))
		return true
	}
	l.count.errors.Add(1)
	if l.reportWrong(err, "") {
		return false
	}
	now, said := time.Now().Unix(), l.said.Load()
	if now-said >= troublePeriod && l.said.CompareAndSwap(said, now) {
		l.cfg.Logger.Warn("expiry: a call to Redis failed; trying again until it does not", "pool", string(l.cfg.Pool),
			"failures", l.count.errors.Load(), "error", fault.Translate(err))
	}
	return false
}

// troublePeriod is how many seconds lie between two log lines about calls that
// fail.
const troublePeriod = 10
