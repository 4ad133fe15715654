// Package contest measures several ways of doing the same thing: in turns
// within one run, so that whatever else the machine and the server do meets all
// of them alike.
package contest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/bench/results"
)

// Contest is one operation, and those who do it.
type Contest struct {
	Name        string
	Baseline    string // the contestant that the others are compared with
	Contestants []Contestant
	Least       int               // operations that make up a turn, at least
	Warm        int               // operations after which round trips are counted, at least
	Missing     map[string]string // who is not in it, and why
}

// Contestant is one way of doing the operation.
type Contestant struct {
	Name string
	How  string // the calls, and whose documentation says so

	// Turn does the operation n times from so many callers, and gives the time
	// that took. What is before and after that is not measured.
	Turn func(ctx context.Context, callers, n int) (time.Duration, error)

	// Check does the operation once and compares what comes of it with what
	// must. It runs before the first turn.
	Check func(ctx context.Context) error

	// Stale tries how often a read after a write gives an older value. It may
	// be nil.
	Stale func(ctx context.Context, pairs int) (results.Stale, error)
}

// Contexts gives each caller the context of its calls.
type Contexts func(context.Context) (context.Context, context.CancelFunc)

// ContextsOf are the contexts that there are, by name. With "deadline" a caller
// has one of its own that ends, as a request with a time limit has; with "cancel"
// one of its own that can end but has no time for that; with "background" one
// that never ends.
var ContextsOf = map[string]Contexts{
	"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Minute)
	},
	"cancel": context.WithCancel,
	"background": func(context.Context) (context.Context, context.CancelFunc) {
		return context.Background(), func() {}
	},
}

// Calls makes a turn of a call. Each caller has a context of its own, and its
// calls are counted up from turn to turn.
func Calls(contexts Contexts, call func(ctx context.Context, p Place) error) func(context.Context, int, int) (time.Duration, error) {
	var turns atomic.Int64
	return func(ctx context.Context, callers, n int) (time.Duration, error) {
		t := crowd{
			contexts: contexts, call: call, callers: callers, each: (n + callers - 1) / callers, first: int(turns.Add(1)) * 31,
			start: make(chan struct{}),
		}
		took, err := t.run(ctx)
		return took * time.Duration(n) / time.Duration(t.each*callers), err
	}
}

// crowd is one turn of calls.
type crowd struct {
	contexts             Contexts
	call                 func(ctx context.Context, p Place) error
	callers, each, first int
	start                chan struct{}
	failure              firstError
}

func (t *crowd) run(ctx context.Context) (time.Duration, error) {
	var done sync.WaitGroup
	for c := range t.callers {
		done.Go(func() { t.failure.set(t.caller(ctx, c)) })
	}
	over := make(chan time.Time, 1)
	go func() {
		done.Wait()
		over <- time.Now()
	}()
	began := time.Now()
	close(t.start)
	select {
	case end := <-over:
		return end.Sub(began), t.failure.get()
	case <-ctx.Done(): // a call with a context that never ends may hang
		return 0, ctx.Err()
	}
}

func (t *crowd) caller(ctx context.Context, c int) error {
	ctx, cancel := t.contexts(ctx)
	defer cancel()
	<-t.start
	for i := range t.each {
		if err := t.call(ctx, Place{c, t.callers, t.first + i}); err != nil {
			return err
		}
	}
	return nil
}

// Place tells a call which caller makes it and how many that one made before.
type Place struct{ Caller, Callers, Call int }

// Of picks one of n records: callers never share one, if there is one for each.
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
