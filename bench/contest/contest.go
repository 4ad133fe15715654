// Package contest compares several implementations of one operation. They take
// turns within one run, so other load on the machine and the server affects all
// of them alike.
package contest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/bench/results"
)

// Contest is an operation and its contestants.
type Contest struct {
	Name        string
	Baseline    string // the contestant that the others are compared with
	Contestants []Contestant
	Least       int               // operations that make up a turn, at least
	Warm        int               // operations after which round trips are counted, at least
	Missing     map[string]string // who is not in it, and why
}

// Contestant is an implementation of the operation.
type Contestant struct {
	Name string
	How  string // the calls, and whose documentation says so

	// Turn does the operation n times in total from the given number of
	// callers, and returns the time of that alone, without preparation and
	// cleanup.
	Turn func(ctx context.Context, callers, n int) (time.Duration, error)

	// Check does the operation once and compares its result with the expected
	// one. It runs before the first turn.
	Check func(ctx context.Context) error

	// Stale counts how many reads after a write return an older value. It may
	// be nil.
	Stale func(ctx context.Context, pairs int) (results.Stale, error)
}

// Contexts returns the context of the calls of one caller.
type Contexts func(context.Context) (context.Context, context.CancelFunc)

// ContextsOf holds the kinds of contexts by name. With "deadline", each caller
// has a context with a deadline, as a request with a time limit has. With
// "cancel", each caller has a context that can be canceled but has no deadline.
// With "background", the context never ends.
var ContextsOf = map[string]Contexts{
	"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Minute)
	},
	"cancel": context.WithCancel,
	"background": func(context.Context) (context.Context, context.CancelFunc) {
		return context.Background(), func() {}
	},
}

// Calls returns a turn that makes calls. Each caller has its own context. The
// number of a call continues from turn to turn.
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
