package expiry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/alarm"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/scope"
)

// consumer processes one queue for a listener. jobs holds every job from its
// claim until its outcome is recorded in Redis, so its lease is renewed until
// then.
type consumer struct {
	*queue
	listener *Listener
	handler  Handler
	alarm    *alarm.Alarm

	mu           sync.Mutex
	jobs         map[token]*job
	finished     []*job
	outcomeReady chan struct{} // holds a value while recordOutcomes has to look at finished

	claimsSoon atomic.Bool // whether loop is about to claim, and to record outcomes with the claim

	renewing chan struct{} // holds a value while a call of renew is running

	waits  atomic.Bool // whether loop waits for work, and lookForAll looks for it
	clock  clock
	member atomic.Pointer[testclock.Member] // of a test's clock, in the last Run
}

func newConsumer(l *Listener, q *queue, h Handler) *consumer {
	return &consumer{
		queue: q, listener: l, handler: h, alarm: alarm.New(),
		jobs: map[token]*job{}, outcomeReady: make(chan struct{}, 1), renewing: make(chan struct{}, 1),
	}
}

// job is one firing that this listener has claimed.
type job struct {
	token
	firing firing
	event  Event
	ctx    context.Context
	cancel context.CancelCauseFunc

	leaseEnd  time.Time // by this machine's clock
	renewedAt time.Time
	leaseLost bool

	finished      bool // the outcome is set, and does not change any more
	outcome       outcome
	err           error
	maybeRecorded bool // a call that records the outcome failed, but may have been applied

	next    time.Time // when a recurring trigger was due next, as of the claim
	ruleErr error     // why this program cannot compute that
}

type outcome int

const (
	done outcome = iota
	failed
	unreadable // the firing is invalid, so no attempt can succeed
	released
)

// longestIdle is the longest time between two looks for work.
const longestIdle = time.Second

// longestWait is the longest time for which a consumer waits for
// [Listener.lookForAll], which looks for work every second.
const longestWait = time.Hour

// largestClaim is the maximum number of firings that one script claims. Each
// takes up to 20 µs on a slow machine.
const largestClaim = 250

// blockedWait is the delay before the next claim if an entry is due that a
// claim did not take.
const blockedWait = 10 * time.Millisecond

// loop claims firings and starts their handlers.
func (c *consumer) loop(s *session, member *testclock.Member) {
	defer member.Leave()
	defer c.leaveOutcomes()
	var delay retryDelay
	for s.ctx.Err() == nil {
		n := c.acquireSlots(s)
		if s.ctx.Err() != nil {
			c.listener.slots.release(n, c)
			return
		}
		c.alarm.Clear()
		member.Begin()
		next, idle, err := c.claimNext(s, n)
		member.End(idle && n > 0 && c.hasNoJobs())
		if err != nil {
			if c.listener.callFailed(s, err) {
				return
			}
			delay.wait(s.ctx)
			continue
		}
		delay.reset()
		if n > 0 && !next.After(time.Now()) {
			c.claimsSoon.Store(true)
		} else if n > 0 {
			c.waits.Store(true)
			c.alarm.Wait(s.ctx, next)
			c.waits.Store(false)
		}
	}
}

// acquireSlots waits for free slots, for a while.
func (c *consumer) acquireSlots(s *session) int {
	most := min(c.listener.cfg.Batch, largestClaim)
	if n := c.listener.slots.tryAcquire(most); n > 0 {
		return n
	}
	c.leaveOutcomes() // other consumers may take all slots
	return c.listener.slots.acquire(s.ctx, c, most, longestIdle)
}

// claimNext claims up to n firings and returns the time of the next claim. It
// reports whether it found nothing. In the same round trip, it records jobs
// that succeeded.
func (c *consumer) claimNext(s *session, n int) (next time.Time, idle bool, err error) {
	defer c.listener.clock.Hold()()
	sent, leasedFrom := time.Now(), c.listener.clock.Now()
	result, err := c.recordAndClaim(s, c.takeDone(), n)
	if err != nil {
		c.listener.slots.release(n, c)
		return next, false, err
	}
	got := time.Now()
	c.readClock(s, result.now, sent, got)
	c.listener.count.leasesExpired.Add(result.expired)
	c.listener.count.cancelled.Add(result.dropped)
	c.reportDied(result.died)
	c.reportInvalid(result.invalid)
	if len(result.died) > 0 || result.invalid.count > 0 {
		c.trimDeadLetters(s)
	}
	for _, key := range result.wrongType {
		c.listener.logWrongType(key)
	}
	for _, f := range result.firings {
		c.start(s, f, leasedFrom, result.now)
	}
	c.listener.slots.release(n-len(result.firings), c)
	if result.dropped > 0 || result.invalid.count > 0 || len(result.died) > 0 || len(result.firings) == n || result.again {
		return got, false, nil
	}
	wait := longestWait
	if c.listener.clock != nil {
		wait = longestIdle
	}
	if result.next >= 0 {
		wait = min(wait, time.Duration(result.next*1000-result.now)*time.Microsecond)
	}
	if wait <= 0 && len(result.firings) == 0 {
		wait = blockedWait
	}
	return got.Add(wait), len(result.firings) == 0, nil
}

func (c *consumer) hasNoJobs() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.jobs) == 0
}

// start creates the job of a firing and starts its handler.
func (c *consumer) start(s *session, f firing, sent time.Time, now int64) {
	event, err := c.listener.event(c.queue, f)
	event.handler = &c.handler
	j := &job{
		token: token{f.member, event.Attempt}, firing: f, event: event, err: err,
		leaseEnd: sent.Add(c.listener.cfg.Lease), renewedAt: sent,
	}
	j.ctx, j.cancel = context.WithCancelCause(scope.With(s.handlerCtx, scope.Identity{Tenant: event.Tenant}))
	c.mu.Lock()
	c.jobs[j.token] = j
	c.mu.Unlock()
	if event.recurrence != nil && err == nil {
		j.next, j.ruleErr = c.nextOf(j)
	}
	switch {
	case err != nil:
		c.finish(j, unreadable, err)
	case j.ruleErr != nil:
		c.finish(j, failed, j.ruleErr)
	case event.recurrence != nil && event.ExpiredLeases >= c.listener.cfg.MaxExpiredLeases: // see isRecurring in claim.lua
		c.finish(j, failed, retry.GiveUp(fmt.Errorf("its lease expired %d times", event.ExpiredLeases)))
	case s.ctx.Err() != nil, c.listener.clock.Now().Sub(sent) > c.listener.cfg.Lease-c.listener.leaseMargin():
		c.finish(j, released, nil)
	default:
		late, claimed := time.UnixMicro(now).Sub(event.DueAt), time.Now()
		s.handlers.Go(func() {
			if event.Attempt == 1 {
				c.listener.count.noteLag(late + time.Since(claimed))
			}
			c.runHandler(j)
		})
	}
}

// nextOf returns when the recurring trigger of a job is due next.
func (c *consumer) nextOf(j *job) (time.Time, error) {
	if err := j.event.recurrence.err; err != nil {
		return time.Time{}, err
	}
	now := c.listener.clock.Now()
	if c.listener.clock == nil {
		now = c.clock.now()
	}
	return j.event.Rule.next(j.event.DueAt, now)
}

// renewal returns when the recurring trigger of a job is due next, or nil if it
// is not recurring or its rule cannot be read.
func (c *consumer) renewal(j *job) *renewal {
	if j.event.recurrence == nil || j.ruleErr != nil {
		return nil
	}
	next, err := c.nextOf(j)
	if err != nil {
		next = j.next // the rule has no later time
	}
	return &renewal{j.event.recurrence, next}
}

// outcomeOf returns the outcome of a job whose handler returned err.
func outcomeOf(j *job, err error) outcome {
	switch {
	case err == nil:
		return done
	case errors.As(err, new(*panicError)):
		return failed
	case context.Cause(j.ctx) == errStopped, context.Cause(j.ctx) == ErrLeaseLost: //nolint:errorlint // causes set by this package, never wrapped
		return released
	}
	return failed
}

// panicError is the error of a handler that panicked or ended its goroutine.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// errExited is the value of the [panicError] of a handler that called
// [runtime.Goexit].
var errExited = errors.New("the handler called runtime.Goexit, as FailNow of a test does; return an error instead")

// runHandler runs the handler of a job. The job has an outcome even if the
// handler panics or ends its goroutine.
func (c *consumer) runHandler(j *job) {
	var err error
	returned := false
	c.listener.count.running.Add(1)
	defer func() {
		if !returned {
			value := recover()
			if value == nil {
				value = errExited
			}
			err = &panicError{value, debug.Stack()}
		}
		c.listener.count.running.Add(-1)
		c.finish(j, outcomeOf(j, err), err)
	}()
	err = checkedError(c.listener.handle(j.ctx, j.event))
	returned = true
}

// checkedError returns err, or a description if one of its methods panics. The
// usual cause is a nil pointer in an error interface.
func checkedError(err error) (result error) {
	defer func() {
		if v := recover(); v != nil {
			result = fmt.Errorf("the handler returned an error of type %T, whose methods panic: %v", err, v)
		}
	}()
	if err != nil {
		_ = err.Error()
		_ = errors.As(err, new(*panicError))
		_ = retry.GivesUp(err)
	}
	return err
}

// finish sets the outcome of a job. If loop is about to claim, it records a
// success in the same round trip; recordOutcomes records every other outcome.
func (c *consumer) finish(j *job, o outcome, err error) {
	j.cancel(nil)
	c.mu.Lock()
	if !j.finished {
		c.noteOutcome(j, o, err)
	}
	c.mu.Unlock()
	claims := c.listener.slots.release(1, c) || c.claimsSoon.Load()
	if !claims || o != done || j.event.recurrence != nil {
		request(c.outcomeReady)
	}
}

func (c *consumer) noteOutcome(j *job, o outcome, err error) {
	j.finished, j.outcome, j.err = true, o, err
	c.finished = append(c.finished, j)
}

// releaseUnfinished releases the jobs whose handlers still run, and returns
// their number.
func (c *consumer) releaseUnfinished() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if !j.finished {
			c.noteOutcome(j, released, nil)
			n++
		}
	}
	request(c.outcomeReady)
	return n
}
