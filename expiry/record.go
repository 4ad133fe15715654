package expiry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"
)

// recordBatch is how many outcomes one script records.
const recordBatch = 200

// record tells Redis the outcomes of the lane's jobs, as they come, until the
// shift has none left.
func (a *lane) record(s *shift) {
	for {
		batch := a.outcomes()
		if len(batch) > 0 {
			a.recordAll(s, batch)
			continue
		}
		select {
		case <-a.news:
			continue
		case <-s.idle:
		}
		if batch = a.outcomes(); len(batch) == 0 {
			return
		}
		a.recordAll(s, batch)
	}
}

func (a *lane) outcomes() []*job {
	a.mu.Lock()
	defer a.mu.Unlock()
	batch := a.finished
	a.finished = nil
	return batch
}

func (a *lane) recordAll(s *shift, batch []*job) {
	var succeeded, unread []*job
	for _, j := range batch {
		switch j.outcome {
		case done:
			succeeded = append(succeeded, j)
		case unreadable:
			unread = append(unread, j)
		case failed, released:
			a.putBack(s, j)
		}
	}
	for jobs := range slices.Chunk(succeeded, recordBatch) {
		a.acknowledge(s, jobs)
	}
	for jobs := range slices.Chunk(unread, recordBatch) {
		a.setAside(s, jobs)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, j := range batch {
		delete(a.jobs, j.token)
	}
}

// acknowledge ends work that was done.
func (a *lane) acknowledge(s *shift, jobs []*job) {
	ts := tokensOf(jobs)
	var lost []int
	recorded := a.insist(s, jobs, func(ctx context.Context) (err error) {
		lost, err = a.ack(ctx, ts)
		return err
	})
	if !recorded {
		return
	}
	a.l.count.fired.Add(int64(len(jobs) - len(lost)))
	for _, i := range lost {
		if jobs[i].doubtful {
			a.l.count.fired.Add(1) // most likely the answer that was lost said so
			continue
		}
		a.lostLease(jobs[i], "expiry: work was done, but its lease had lapsed and it is done again")
	}
}

func tokensOf(jobs []*job) []token {
	ts := make([]token, len(jobs))
	for i, j := range jobs {
		ts[i] = j.token
	}
	return ts
}

func (a *lane) lostLease(j *job, message string) {
	a.mu.Lock()
	again := j.lost
	j.lost = true
	a.mu.Unlock()
	if !again {
		a.l.count.lost.Add(1)
	}
	a.l.cfg.Logger.Warn(message, j.event.attributes()...)
}

// putBack releases work, or notes its failure.
func (a *lane) putBack(s *shift, j *job) {
	if j.outcome == released {
		a.insist(s, []*job{j}, func(ctx context.Context) error {
			_, err := a.release(ctx, j.token)
			return err
		})
		return
	}
	delay := a.l.delay(j.event.Failures + 1)
	var what fate
	if a.insist(s, []*job{j}, func(ctx context.Context) (err error) {
		what, err = a.fail(ctx, j.token, delay, a.l.cfg.MaxAttempts, errorText(j.err))
		return err
	}) {
		a.reportFailure(j, what, delay)
		a.wake.set(time.Now().Add(delay))
	}
}

// setAside makes dead letters of firings that cannot be read.
func (a *lane) setAside(s *shift, jobs []*job) {
	fs, why, odd := make([]firing, len(jobs)), make([]string, len(jobs)), oddities{}
	for i, j := range jobs {
		fs[i], why[i] = j.firing, errorText(j.err)
	}
	if a.insist(s, jobs, func(ctx context.Context) (err error) {
		odd.count, err = a.bury(ctx, fs, why)
		return err
	}) {
		odd.examples = why[:min(len(why), 3)]
		a.l.count.buried.Add(odd.count)
		a.letters.Add(odd.count)
		a.reportOdd(odd)
	}
}

// delay is Config.Backoff, which is the user's: a function that does not return
// is replaced by the default.
func (l *Listener) delay(failures int) time.Duration {
	answer := make(chan time.Duration, 1)
	go func() {
		defer close(answer)
		defer func() { _ = recover() }()
		answer <- l.cfg.Backoff(failures)
	}()
	if d, ok := <-answer; ok {
		return max(d, 0)
	}
	l.cfg.Logger.Error("expiry: Config.Backoff panicked or ended its goroutine; the default is used instead", "failures", failures)
	return backoff(failures)
}

func (a *lane) reportFailure(j *job, what fate, delay time.Duration) {
	log := a.l.cfg.Logger.With(j.event.attributes()...).With(slog.Any("error", j.err))
	var p *panicError
	if errors.As(j.err, &p) {
		a.l.count.panics.Add(1)
		log = log.With(slog.String("stack", string(p.stack)))
	}
	switch what {
	case fateLost:
		a.lostLease(j, "expiry: work failed after its lease had lapsed")
	case fateDead:
		a.l.count.buried.Add(1)
		a.letters.Add(1)
		log.Error("expiry: work failed for the last time and is a dead letter")
	default:
		a.l.count.retried.Add(1)
		if p != nil {
			log.Error("expiry: a handler panicked; its work is tried again", "after", delay)
		} else {
			log.Warn("expiry: work failed and is tried again", "after", delay)
		}
	}
}

// reportBuried tells of work whose leases lapsed too often.
func (a *lane) reportBuried(letters []firing) {
	for _, f := range letters {
		e, _ := a.l.event(a.queue, f) // one that cannot be read has its key all the same
		a.l.count.buried.Add(1)
		a.l.cfg.Logger.Error("expiry: work lost its worker for the last time and is a dead letter; does it end its process?",
			append(e.attributes(), slog.Int("lapses", e.Lapses))...)
	}
}

// attributes say which firing a log line is about. They hold no payload.
func (e Event) attributes() []any {
	return []any{
		slog.String("tenant", e.Tenant), slog.String("action", e.Action), slog.String("id", e.ID),
		slog.Time("due", e.DueAt), slog.Int("attempt", e.Attempt),
	}
}

const longestError = 500

// errorText is the text of an error that is kept with the work.
func errorText(err error) string {
	text := err.Error()
	if len(text) <= longestError {
		return text
	}
	cut := longestError
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// insist repeats a call about jobs until it succeeds, or the shift ends.
func (a *lane) insist(s *shift, jobs []*job, call func(context.Context) error) bool {
	var pause pause
	for {
		err := call(s.io)
		if err == nil {
			return true
		}
		for _, j := range jobs {
			j.doubtful = true
		}
		if a.l.trouble(s, err) {
			return false
		}
		pause.wait(s.io)
	}
}

// persist repeats a call until it succeeds, or the shift ends.
func (l *Listener) persist(s *shift, call func(context.Context) error) {
	var pause pause
	for s.ctx.Err() == nil {
		err := call(s.ctx)
		if err == nil || s.ctx.Err() != nil || l.trouble(s, err) {
			return
		}
		pause.wait(s.ctx)
	}
}

// pause is how long to wait after failures in a row.
type pause struct{ next time.Duration }

const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)

func (p *pause) reset() { p.next = 0 }

func (p *pause) wait(ctx context.Context) {
	p.next = min(max(2*p.next, shortestPause), longestPause)
	timer := time.NewTimer(jitter(p.next))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
