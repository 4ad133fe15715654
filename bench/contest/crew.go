package contest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Crew is the callers of a contestant. Each is a goroutine that starts once and
// waits between the turns, so that no turn contains the start of goroutines.
type Crew struct{ jobs []chan func(caller int) }

// NewCrew starts n callers, which End ends.
func NewCrew(n int) *Crew {
	c := &Crew{jobs: make([]chan func(int), n)}
	for i := range c.jobs {
		c.jobs[i] = make(chan func(int), 1)
		go func() {
			for job := range c.jobs[i] {
				job(i)
			}
		}()
	}
	return c
}

// Size returns the number of callers.
func (c *Crew) Size() int { return len(c.jobs) }

// End ends each caller after its current call.
func (c *Crew) End() {
	for _, jobs := range c.jobs {
		close(jobs)
	}
}

// Calls returns a turn in which the callers of the crew make calls: n in total,
// or more if n is not a multiple of the callers. Each caller has its own
// context. The number of a call continues from turn to turn.
func Calls(contexts Contexts, call func(ctx context.Context, p Place) error) Turn {
	var turns atomic.Int64
	return func(ctx context.Context, crew *Crew, n int) (time.Duration, error) {
		if err := ctx.Err(); err != nil { // a call of an earlier turn may hang
			return 0, err
		}
		callers := crew.Size()
		t := &gated{
			contexts: contexts, call: call, callers: callers, each: (n + callers - 1) / callers, first: int(turns.Add(1)) * 31,
			gate: make(chan struct{}), over: make(chan time.Time, 1),
		}
		return t.run(ctx, crew)
	}
}

// gated is one turn of calls. Its time counts from the moment at which the gate
// opens, when all callers wait there.
type gated struct {
	contexts             Contexts
	call                 func(ctx context.Context, p Place) error
	callers, each, first int
	ready                sync.WaitGroup
	gate                 chan struct{}
	left                 atomic.Int64 // callers that have calls to make
	over                 chan time.Time
	failure              firstError
}

func (t *gated) run(ctx context.Context, crew *Crew) (time.Duration, error) {
	t.ready.Add(t.callers)
	t.left.Store(int64(t.callers))
	for _, jobs := range crew.jobs {
		jobs <- func(caller int) { t.caller(ctx, caller) }
	}
	t.ready.Wait()
	began := time.Now()
	close(t.gate)
	select {
	case end := <-t.over:
		return end.Sub(began), t.failure.get()
	case <-ctx.Done(): // a call with a context that never ends may hang
		return 0, ctx.Err()
	}
}

func (t *gated) caller(ctx context.Context, c int) {
	ctx, cancel := t.contexts(ctx)
	defer cancel()
	t.ready.Done()
	<-t.gate
	for i := range t.each {
		if err := t.call(ctx, Place{c, t.callers, t.first + i}); err != nil {
			t.failure.set(err)
			break
		}
	}
	if t.left.Add(-1) == 0 {
		t.over <- time.Now()
	}
}

// Place is the caller of a call, and the number of its earlier calls.
type Place struct{ Caller, Callers, Call int }

// Of returns the index of one of n records. If there are at least as many
// records as callers, no two callers share one.
func (p Place) Of(n int) int {
	each := max(1, n/p.Callers)
	return (p.Caller + p.Callers*(p.Call%each)) % n
}

type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
