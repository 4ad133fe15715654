package expiry

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/symphony-go/symphony/internal/retry"
)

// outcomePage is the maximum number of outcomes that one script records.
const outcomePage = 200

// recordOutcomes records the outcomes of the consumer's jobs in Redis, until
// the session has no more jobs.
func (c *consumer) recordOutcomes(s *session) {
	for {
		batch := c.takeFinished()
		if len(batch) > 0 {
			c.recordBatch(s, batch)
			continue
		}
		select {
		case <-c.outcomeReady:
			continue
		case <-s.handlersDone:
		}
		if batch = c.takeFinished(); len(batch) == 0 {
			return
		}
		c.recordBatch(s, batch)
	}
}

func (c *consumer) takeFinished() []*job {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.finished
	c.finished = nil
	return batch
}

func (c *consumer) recordBatch(s *session, batch []*job) {
	var succeeded, recurring, unreadableJobs []*job
	c.leavePlaces(s, batch)
	for _, j := range batch {
		switch j.outcome {
		case done:
			if j.event.recurrence != nil {
				recurring = append(recurring, j)
			} else {
				succeeded = append(succeeded, j)
			}
		case unreadable:
			unreadableJobs = append(unreadableJobs, j)
		case failed, released:
			c.recordPutBack(s, j)
		}
	}
	for jobs := range slices.Chunk(succeeded, outcomePage) {
		c.recordDone(s, jobs)
	}
	for jobs := range slices.Chunk(recurring, outcomePage) {
		c.recordRecurring(s, jobs)
	}
	for jobs := range slices.Chunk(unreadableJobs, outcomePage) {
		c.recordUnreadable(s, jobs)
	}
	c.forget(batch)
}

// forget removes jobs whose outcomes are recorded.
func (c *consumer) forget(batch []*job) {
	c.mu.Lock()
	for _, j := range batch {
		if c.jobs[j.token] == j { // a trigger that was set again may have fired with the same token
			delete(c.jobs, j.token)
		}
	}
	c.mu.Unlock()
	c.member.Load().Finished()
}

// leaveOutcomes leaves the outcomes that loop would record with its next claim
// to recordOutcomes.
func (c *consumer) leaveOutcomes() {
	c.claimsSoon.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.finished) > 0 {
		request(c.outcomeReady)
	}
}

// takeDone takes jobs that succeeded, for recordAndClaim. Those of recurring
// triggers are left to recordOutcomes.
func (c *consumer) takeDone() (batch []*job) {
	c.claimsSoon.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []*job
	for _, j := range c.finished {
		if j.outcome == done && j.event.recurrence == nil && len(batch) < outcomePage {
			batch = append(batch, j)
		} else {
			left = append(left, j)
		}
	}
	if c.finished = left; len(left) > 0 {
		request(c.outcomeReady)
	}
	return batch
}

// recordAndClaim records jobs that succeeded and claims up to n firings, in one
// round trip. If recording fails, it leaves the jobs to recordOutcomes.
func (c *consumer) recordAndClaim(s *session, batch []*job, n int) (claimResult, error) {
	if len(batch) == 0 {
		return c.claim(s.redisCtx, n, c.listener.cfg.Lease, c.listener.cfg.MaxExpiredLeases)
	}
	c.leavePlaces(s, batch)
	acked, claimed := c.ackAndClaim(s.redisCtx, tokensOf(batch), n, c.listener.cfg.Lease, c.listener.cfg.MaxExpiredLeases)
	if acked.err != nil {
		c.mu.Lock()
		for _, j := range batch {
			j.maybeRecorded = true
		}
		c.finished = append(batch, c.finished...)
		c.mu.Unlock()
		request(c.outcomeReady)
	} else {
		c.noteDone(batch, acked.lost)
		c.forget(batch)
	}
	return claimed.result, claimed.err
}

// recordDone records jobs that succeeded.
func (c *consumer) recordDone(s *session, jobs []*job) {
	tokens := tokensOf(jobs)
	var lost []int
	recorded := c.retryRecording(s, jobs, func(ctx context.Context) (err error) {
		lost, err = c.ack(ctx, tokens)
		return err
	})
	if recorded {
		c.noteDone(jobs, lost)
	}
}

// recordRecurring records jobs of recurring triggers that succeeded.
func (c *consumer) recordRecurring(s *session, jobs []*job) {
	tokens := tokensOf(jobs)
	renewals := make([]renewal, len(jobs))
	for i, j := range jobs {
		renewals[i] = *c.renewal(j)
	}
	var lost []int
	recorded := c.retryRecording(s, jobs, func(ctx context.Context) (err error) {
		lost, err = c.ackRecurring(ctx, tokens, renewals)
		return err
	})
	if recorded {
		c.noteDone(jobs, lost)
	}
}

// noteDone counts jobs whose success is recorded, and reports those whose lease
// was lost.
func (c *consumer) noteDone(jobs []*job, lost []int) {
	c.listener.count.succeeded.Add(int64(len(jobs) - len(lost)))
	for _, i := range lost {
		if jobs[i].maybeRecorded {
			c.listener.count.succeeded.Add(1) // the call whose reply was lost probably recorded it
			continue
		}
		c.reportLeaseLost(jobs[i], "expiry: work succeeded after its lease was lost; its result is ignored")
	}
}

func tokensOf(jobs []*job) []token {
	tokens := make([]token, len(jobs))
	for i, j := range jobs {
		tokens[i] = j.token
	}
	return tokens
}

func (c *consumer) reportLeaseLost(j *job, message string) {
	c.mu.Lock()
	again := j.leaseLost
	j.leaseLost = true
	c.mu.Unlock()
	if !again {
		c.listener.count.leasesLost.Add(1)
	}
	c.listener.cfg.Logger.Warn(message, j.event.logAttributes()...)
}

// recordPutBack records a job that failed or is released.
func (c *consumer) recordPutBack(s *session, j *job) {
	if j.outcome == released {
		c.retryRecording(s, []*job{j}, func(ctx context.Context) error {
			_, err := c.release(ctx, j.token)
			return err
		})
		return
	}
	delay, maxFailures := c.listener.delay(j.event.Failures+1, j.err), c.listener.cfg.MaxAttempts
	switch {
	case j.ruleErr != nil:
		maxFailures = math.MaxInt32 // another program may be able to read the rule
	case retry.GivesUp(j.err):
		maxFailures = 1
	}
	renewal := c.renewal(j)
	var result putBackResult
	if c.retryRecording(s, []*job{j}, func(ctx context.Context) (err error) {
		result, err = c.failRecurring(ctx, j.token, delay, maxFailures, errorText(j.err), renewal)
		return err
	}) {
		c.reportFailure(j, result, delay)
		if result == putBackDead {
			c.trimDeadLetters(s)
		}
		c.alarm.Set(time.Now().Add(delay))
	}
}

// recordUnreadable makes dead letters of firings that cannot be read.
func (c *consumer) recordUnreadable(s *session, jobs []*job) {
	firings, errs, invalid := make([]firing, len(jobs)), make([]string, len(jobs)), invalidEntries{}
	for i, j := range jobs {
		firings[i], errs[i] = j.firing, errorText(j.err)
	}
	if c.retryRecording(s, jobs, func(ctx context.Context) (err error) {
		invalid.count, err = c.deadLetter(ctx, firings, errs)
		return err
	}) {
		invalid.examples = errs[:min(len(errs), 3)]
		c.listener.count.deadLettered.Add(invalid.count)
		c.deadCount.Add(invalid.count)
		c.reportInvalid(invalid)
		c.trimDeadLetters(s)
	}
}

// delay returns the delay before the next attempt after a failure: that of
// [RetryAfter], or else of [Config.Backoff]. If Backoff panics or ends its
// goroutine, delay returns the default.
func (l *Listener) delay(failures int, err error) time.Duration {
	if retry.GivesUp(err) { // there is a next attempt only if no dead letter can be made
		return retry.Work.Delay(failures - 1)
	}
	if d, ok := retry.DelayOf(err); ok {
		return d
	}
	answer := make(chan time.Duration, 1)
	go func() {
		defer close(answer)
		defer func() { _ = recover() }()
		answer <- l.cfg.Backoff(failures, err)
	}()
	if d, ok := <-answer; ok {
		return max(d, 0)
	}
	l.cfg.Logger.Error("expiry: Config.Backoff panicked or ended its goroutine; the default is used instead", "failures", failures)
	return retry.Work.Delay(failures - 1)
}

func (c *consumer) reportFailure(j *job, result putBackResult, delay time.Duration) {
	log := c.listener.cfg.Logger.With(j.event.logAttributes()...).With(slog.Any("error", j.err))
	var p *panicError
	if errors.As(j.err, &p) {
		c.listener.count.panics.Add(1)
		log = log.With(slog.String("stack", string(p.stack)))
	}
	switch result {
	case putBackLost:
		c.reportLeaseLost(j, "expiry: work failed after its lease was lost; its result is ignored")
	case putBackDead:
		c.listener.count.deadLettered.Add(1)
		c.deadCount.Add(1)
		if retry.GivesUp(j.err) {
			log.Error("expiry: a handler gave up, and its work became a dead letter")
		} else {
			log.Error("expiry: work failed for the last time and became a dead letter")
		}
	default:
		c.listener.count.retried.Add(1)
		if p != nil {
			log.Error("expiry: a handler panicked; its work is redelivered", "after", delay)
		} else {
			log.Warn("expiry: work failed and is redelivered", "after", delay)
		}
	}
}

// reportDied logs and counts firings that became dead letters because their
// leases expired too often.
func (c *consumer) reportDied(died []firing) {
	for _, f := range died {
		e, _ := c.listener.event(c.queue, f) // an invalid firing has at least its key
		c.listener.count.deadLettered.Add(1)
		c.listener.cfg.Logger.Error("expiry: the lease of work expired for the last time, and the work became a dead letter; check whether it ends its process",
			append(e.logAttributes(), slog.Int("expired", e.ExpiredLeases))...)
	}
}

// logAttributes returns the attributes that identify the firing in a log line.
// They do not contain the payload.
func (e Event) logAttributes() []any {
	return []any{
		slog.String("tenant", e.Tenant), slog.String("action", e.Action), slog.String("id", e.ID),
		slog.Time("due", e.DueAt), slog.Int("attempt", e.Attempt),
	}
}

const maxErrorText = 500

// errorText returns the text of an error that is stored with the firing.
func errorText(err error) string { return cutErrorText(err.Error()) }

func cutErrorText(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	cut := maxErrorText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// retryRecording repeats a call about jobs until it succeeds or the session
// ends. It reports whether the call succeeded.
func (c *consumer) retryRecording(s *session, jobs []*job, call func(context.Context) error) bool {
	var delay retryDelay
	for {
		err := call(s.redisCtx)
		if err == nil {
			return true
		}
		for _, j := range jobs {
			j.maybeRecorded = true
		}
		if c.listener.callFailed(s, err) {
			return false
		}
		delay.wait(s.redisCtx)
	}
}

// retryCall repeats a call until it succeeds or the session ends.
func (l *Listener) retryCall(s *session, call func(context.Context) error) {
	var delay retryDelay
	for s.ctx.Err() == nil {
		err := call(s.ctx)
		if err == nil || s.ctx.Err() != nil || l.callFailed(s, err) {
			return
		}
		delay.wait(s.ctx)
	}
}

// retryDelay is the delay before a failed call is repeated. It doubles with
// each failure, up to a second.
type retryDelay struct{ failures int }

// callBackoff is the delay before a failed call to Redis is repeated.
var callBackoff = retry.Backoff{First: 10 * time.Millisecond, Max: time.Second, Jitter: 0.2}

func (p *retryDelay) reset() { p.failures = 0 }

func (p *retryDelay) wait(ctx context.Context) {
	_ = callBackoff.Sleep(ctx, p.failures)
	p.failures++
}
