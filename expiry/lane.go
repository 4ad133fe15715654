package expiry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// lane is a listener's work on one queue. A job is in jobs from its claim until
// its outcome is recorded in Redis, so that its lease is renewed until then.
type lane struct {
	*queue
	l       *Listener
	handler Handler
	wake    *alarm

	mu       sync.Mutex
	jobs     map[token]*job
	finished []*job
	news     chan struct{} // there is something in finished

	renewing chan struct{} // holds a token while a heartbeat is on its way

	clock clock // for loop alone
}

func newLane(l *Listener, q *queue, h Handler) *lane {
	return &lane{
		queue: q, l: l, handler: h, wake: newAlarm(),
		jobs: map[token]*job{}, news: make(chan struct{}, 1), renewing: make(chan struct{}, 1),
	}
}

// job is one firing that this listener holds.
type job struct {
	token
	firing firing
	event  Event
	ctx    context.Context
	end    context.CancelCauseFunc

	until   time.Time // when the lease ends, by this machine's clock
	renewed time.Time
	lost    bool // the lease is

	returned bool // there is an outcome; what comes later counts no more
	outcome  outcome
	err      error
	doubtful bool // an answer about the outcome was lost, so it may be recorded already
}

type outcome int

const (
	done outcome = iota
	failed
	unreadable // failed, and no attempt can succeed
	released
)

// longestWait is how long a lane goes without looking, whatever it was told.
const longestWait = time.Second

// claimPage is how many firings one script claims at most: 20 µs each on a slow
// machine.
const claimPage = 250

// stuckWait is how long a lane waits where something is due that a claim does
// not take.
const stuckWait = 10 * time.Millisecond

// loop claims what falls due and starts its handlers.
func (a *lane) loop(s *shift) {
	var pause pause
	for s.ctx.Err() == nil {
		n := a.l.workers.take(s.ctx, min(a.l.cfg.Batch, claimPage), longestWait)
		if s.ctx.Err() != nil {
			a.l.workers.give(n)
			return
		}
		a.wake.clear()
		next, err := a.take(s, n)
		if err != nil {
			if a.l.trouble(s, err) {
				return
			}
			pause.wait(s.ctx)
			continue
		}
		pause.reset()
		if n > 0 {
			a.wake.wait(s.ctx, next)
		}
	}
}

// take claims up to n firings and gives the time to look again.
func (a *lane) take(s *shift, n int) (next time.Time, err error) {
	sent := time.Now()
	c, err := a.claim(s.io, n, a.l.cfg.Lease, a.l.cfg.MaxLapses)
	if err != nil {
		a.l.workers.give(n)
		return next, err
	}
	got := time.Now()
	if b, ok := a.clock.read(c.now, sent, got); ok {
		s.loops.Go(func() { a.setBack(s, b, got) })
	}
	a.l.count.lapsed.Add(c.lapsed)
	a.l.count.cancelled.Add(c.changed)
	a.reportBuried(c.buried)
	a.reportOdd(c.odd)
	for _, key := range c.wrong {
		a.l.sayWrong(key)
	}
	for _, f := range c.firings {
		a.start(s, f, sent, c.now)
	}
	a.l.workers.give(n - len(c.firings))
	if c.changed > 0 || c.odd.count > 0 || len(c.buried) > 0 || len(c.firings) == n {
		return got, nil
	}
	wait := longestWait
	if c.next >= 0 {
		wait = min(wait, time.Duration(c.next*1000-c.now)*time.Microsecond)
	}
	if wait <= 0 && len(c.firings) == 0 {
		wait = stuckWait
	}
	return got.Add(wait), nil
}

// start makes a job of a firing and runs its handler.
func (a *lane) start(s *shift, f firing, sent time.Time, now int64) {
	event, err := a.l.event(a.queue, f)
	j := &job{
		token: token{f.member, event.Attempt}, firing: f, event: event, err: err,
		until: sent.Add(a.l.cfg.Lease), renewed: sent,
	}
	j.ctx, j.end = context.WithCancelCause(s.work)
	a.mu.Lock()
	a.jobs[j.token] = j
	a.mu.Unlock()
	switch {
	case err != nil:
		a.finish(j, unreadable, err)
	case s.ctx.Err() != nil, time.Since(sent) > a.l.cfg.Lease-a.l.margin():
		a.finish(j, released, nil)
	default:
		late, claimed := time.UnixMicro(now).Sub(event.DueAt), time.Now()
		s.handlers.Go(func() {
			if event.Attempt == 1 {
				a.l.count.lag(late + time.Since(claimed))
			}
			a.perform(j)
		})
	}
}

// verdict is what a handler's answer means.
func verdict(j *job, err error) outcome {
	switch {
	case err == nil:
		return done
	case errors.As(err, new(*panicError)):
		return failed
	case context.Cause(j.ctx) == errStopped, context.Cause(j.ctx) == ErrLeaseLost: //nolint:errorlint // the causes that lane and Listener give
		return released
	}
	return failed
}

// panicError is a handler that did not return.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// errExited is the panic value of a handler that called runtime.Goexit.
var errExited = errors.New("the handler ended its goroutine")

// perform runs the handler of a job. It has an outcome even where the handler
// panics, or ends its goroutine.
func (a *lane) perform(j *job) {
	var err error
	returned := false
	a.l.count.running.Add(1)
	defer func() {
		if !returned {
			value := recover()
			if value == nil {
				value = errExited
			}
			err = &panicError{value, debug.Stack()}
		}
		a.l.count.running.Add(-1)
		a.finish(j, verdict(j, err), err)
	}()
	err = sound(a.handler(j.ctx, j.event))
	returned = true
}

// sound is a handler's error, or what is known of one whose methods panic: a nil
// pointer in an error, as a rule.
func sound(err error) (result error) {
	defer func() {
		if v := recover(); v != nil {
			result = fmt.Errorf("the handler returned a %T, whose methods panic: %v", err, v)
		}
	}()
	if err != nil {
		_ = err.Error()
		_ = errors.As(err, new(*panicError))
	}
	return err
}

// finish notes the outcome of a job, for record.
func (a *lane) finish(j *job, o outcome, err error) {
	a.l.workers.give(1)
	j.end(nil)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !j.returned {
		a.note(j, o, err)
	}
}

func (a *lane) note(j *job, o outcome, err error) {
	j.returned, j.outcome, j.err = true, o, err
	a.finished = append(a.finished, j)
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// abandon releases the jobs whose handlers are still at work, and counts them.
func (a *lane) abandon() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, j := range a.jobs {
		if !j.returned {
			a.note(j, released, nil)
			n++
		}
	}
	return n
}
