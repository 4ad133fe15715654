package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// session is the state of one call of Run. Its contexts end in the order of the
// fields.
type session struct {
	ctx  context.Context // ends when the listener stops to claim
	quit context.CancelCauseFunc

	handlerCtx  context.Context // parent of the handlers' contexts
	endHandlers context.CancelCauseFunc

	redisCtx context.Context // for calls that must outlive ctx
	endRedis context.CancelFunc

	loops         sync.WaitGroup // goroutines that end with ctx
	handlers      sync.WaitGroup // running handlers
	recorders     sync.WaitGroup // goroutines that record outcomes and renew leases
	handlersDone  chan struct{}  // closed when no outcome is expected any more
	sweepRequests chan struct{}  // holds a value while a sweep is requested
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
var errStopped = errors.New("the listener is stopping")

func (l *Listener) start(s *session) {
	for _, c := range l.consumers {
		member := l.clock.Join("the listener of action "+strconv.Quote(c.action), c.alarm.Signal)
		c.member.Store(member)
		s.loops.Go(func() { c.loop(s, member) })
		s.recorders.Go(func() { c.recordOutcomes(s) })
	}
	leases := make(chan struct{}, 1)
	leaseMember := l.clock.Join("", func() { request(leases) })
	s.recorders.Go(func() { l.heartbeat(s, leaseMember, leases) })
	s.loops.Go(func() { l.watch(s) })
	s.loops.Go(func() { l.lookForAll(s) })
	sweepMember := l.clock.Join("", s.requestSweep)
	s.loops.Go(func() { l.sweep(s, sweepMember) })
	testclock.Started(s.ctx)
}

// request makes a channel with room for one value hold one.
func request(requests chan<- struct{}) {
	select {
	case requests <- struct{}{}:
	default:
	}
}

// settleTime is how long handlers have to return after their contexts end, and
// how long recording their outcomes may take.
const settleTime = time.Second

func (l *Listener) stop(s *session) {
	timeout := time.AfterFunc(l.cfg.StopTimeout, func() { s.endHandlers(errStopped) })
	defer timeout.Stop()
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
		l.cfg.Logger.Warn("expiry: handlers did not return after their contexts ended; their work is released", "handlers", released)
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

// callFailed counts and logs a failed call to Redis. It reports whether the
// session is over, which it ends itself if the pools are closed.
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
		l.cfg.Logger.Warn("expiry: a call to Redis failed; it is repeated until it succeeds", "pool", string(l.cfg.Pool),
			"failures", l.count.errors.Load(), "error", fault.Translate(err))
	}
	return false
}

// failureLogPeriod is the minimum number of seconds between two log lines about
// failed calls.
const failureLogPeriod = 10
