package expiry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/symphony-go/symphony/internal/backoff"
)

// recordBatch is how many outcomes one script records.
const outcomePage = 200

// record tells Redis the outcomes of the lane's jobs, as they come, until the
// shift has none left.
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
	var succeeded, unread []*job
	for _, j := range batch {
		switch j.outcome {
		case done:
			succeeded = append(succeeded, j)
		case unreadable:
			unread = append(unread, j)
		case failed, released:
			c.recordPutBack(s, j)
		}
	}
	for jobs := range slices.Chunk(succeeded, outcomePage) {
		c.recordDone(s, jobs)
	}
	for jobs := range slices.Chunk(unread, outcomePage) {
		c.recordUnreadable(s, jobs)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range batch {
		delete(c.jobs, j.token)
	}
}

// acknowledge ends work that was done.
func (c *consumer) recordDone(s *session, jobs []*job) {
	ts := tokensOf(jobs)
	var lost []int
	recorded := c.retryRecording(s, jobs, func(ctx context.Context) (err error) {
		lost, err = c.ack(ctx, ts)
		return err
	})
	if !recorded {
		return
	}
	c.listener.count.succeeded.Add(int64(len(jobs) - len(lost)))
	for _, i := range lost {
		if jobs[i].maybeRecorded {
			c.listener.count.succeeded.Add(1) // most likely the answer that was lost said so
			continue
		}
		c.reportLeaseLost(jobs[i], "expiry: work was done, but its lease had lapsed and it is done again")
	}
}

func tokensOf(jobs []*job) []token {
	ts := make([]token, len(jobs))
	for i, j := range jobs {
		ts[i] = j.token
	}
	return ts
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

// putBack releases work, or notes its failure.
func (c *consumer) recordPutBack(s *session, j *job) {
	if j.outcome == released {
		c.retryRecording(s, []*job{j}, func(ctx context.Context) error {
			_, err := c.release(ctx, j.token)
			return err
		})
		return
	}
	delay := c.listener.delay(j.event.Failures+1, j.err)
	var what putBackResult
	if c.retryRecording(s, []*job{j}, func(ctx context.Context) (err error) {
		what, err = c.fail(ctx, j.token, delay, c.listener.cfg.MaxAttempts, errorText(j.err))
		return err
	}) {
		c.reportFailure(j, what, delay)
		c.alarm.set(time.Now().Add(delay))
	}
}

// setAside makes dead letters of firings that cannot be read.
func (c *consumer) recordUnreadable(s *session, jobs []*job) {
	fs, why, odd := make([]firing, len(jobs)), make([]string, len(jobs)), invalidEntries{}
	for i, j := range jobs {
		fs[i], why[i] = j.firing, errorText(j.err)
	}
	if c.retryRecording(s, jobs, func(ctx context.Context) (err error) {
		odd.count, err = c.deadLetter(ctx, fs, why)
		return err
	}) {
		odd.examples = why[:min(len(why), 3)]
		c.listener.count.deadLettered.Add(odd.count)
		c.deadCount.Add(odd.count)
		c.reportInvalid(odd)
	}
}

// delay is Config.Backoff, which is the user's: a function that does not return
// is replaced by the default.
func (l *Listener) delay(failures int, err error) time.Duration {
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
	return backoff.After(failures)
}

func (c *consumer) reportFailure(j *job, what putBackResult, delay time.Duration) {
	log := c.listener.cfg.Logger.With(j.event.logAttributes()...).With(slog.Any("error", j.err))
	var p *panicError
	if errors.As(j.err, &p) {
		c.listener.count.panics.Add(1)
		log = log.With(slog.String("stack", string(p.stack)))
	}
	switch what {
	case putBackLost:
		c.reportLeaseLost(j, "expiry: work failed after its lease had lapsed")
	case putBackDead:
		c.listener.count.deadLettered.Add(1)
		c.deadCount.Add(1)
		log.Error("expiry: work failed for the last time and is a dead letter")
	default:
		c.listener.count.retried.Add(1)
		if p != nil {
			log.Error("expiry: a handler panicked; its work is tried again", "after", delay)
		} else {
			log.Warn("expiry: work failed and is tried again", "after", delay)
		}
	}
}

// reportBuried tells of work whose leases lapsed too often.
func (c *consumer) reportDied(letters []firing) {
	for _, f := range letters {
		e, _ := c.listener.event(c.queue, f) // one that cannot be read has its key all the same
		c.listener.count.deadLettered.Add(1)
		c.listener.cfg.Logger.Error("expiry: work lost its worker for the last time and is a dead letter; does it end its process?",
			append(e.logAttributes(), slog.Int("lapses", e.Lapses))...)
	}
}

// attributes say which firing a log line is about. They hold no payload.
func (e Event) logAttributes() []any {
	return []any{
		slog.String("tenant", e.Tenant), slog.String("action", e.Action), slog.String("id", e.ID),
		slog.Time("due", e.DueAt), slog.Int("attempt", e.Attempt),
	}
}

const maxErrorText = 500

// errorText is the text of an error that is kept with the work.
func errorText(err error) string {
	text := err.Error()
	if len(text) <= maxErrorText {
		return text
	}
	cut := maxErrorText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// insist repeats a call about jobs until it succeeds, or the shift ends.
func (c *consumer) retryRecording(s *session, jobs []*job, call func(context.Context) error) bool {
	var pause retryDelay
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
		pause.wait(s.redisCtx)
	}
}

// persist repeats a call until it succeeds, or the shift ends.
func (l *Listener) retryCall(s *session, call func(context.Context) error) {
	var pause retryDelay
	for s.ctx.Err() == nil {
		err := call(s.ctx)
		if err == nil || s.ctx.Err() != nil || l.callFailed(s, err) {
			return
		}
		pause.wait(s.ctx)
	}
}

// pause is how long to wait after failures in a row.
type retryDelay struct{ last time.Duration }

const (
	firstRetryDelay = 10 * time.Millisecond
	lastRetryDelay  = time.Second
)

func (p *retryDelay) reset() { p.last = 0 }

func (p *retryDelay) wait(ctx context.Context) {
	p.last = min(max(2*p.last, firstRetryDelay), lastRetryDelay)
	timer := time.NewTimer(backoff.Jitter(p.last))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
