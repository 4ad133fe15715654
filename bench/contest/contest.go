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

// Calls makes a turn of a call. Calls of one caller have i counted up from turn
// to turn; no two callers have the same number at once.
func Calls(call func(ctx context.Context, p Place) error) func(context.Context, int, int) (time.Duration, error) {
	var turns atomic.Int64
	return func(ctx context.Context, callers, n int) (time.Duration, error) {
		each := (n + callers - 1) / callers
		first := int(turns.Add(1)) * 31
		start := make(chan struct{})
		var failure firstError
		var done sync.WaitGroup
		for c := range callers {
			done.Go(func() {
				<-start
				for i := range each {
					if err := call(ctx, Place{c, callers, first + i}); err != nil {
						failure.set(err)
						return
					}
				}
			})
		}
		began := time.Now()
		close(start)
		done.Wait()
		took := time.Since(began)
		return took * time.Duration(n) / time.Duration(each*callers), failure.get()
	}
}

// Place tells a call which caller makes it and how many that one made before.
type Place struct{ Caller, Callers, Call int }

// Of picks one of n records: callers never share one, if there is one for each.
func (p Place) Of(n int) int {
	each := max(1, n/p.Callers)
	return (p.Caller + p.Callers*(p.Call%each)) % n
}

type firstError struct {
	once sync.Once
	err  error
}

func (f *firstError) set(err error) { f.once.Do(func() { f.err = err }) }
func (f *firstError) get() error    { return f.err }
