// Package contest compares several implementations of one operation. They take
// turns within one run, so other load on the machine and the server affects all
// of them alike.
package contest

import (
	"context"
	"time"

	"github.com/symphony-go/symphony/bench/results"
)

// Contest is an operation and its contestants.
type Contest struct {
	Name        string
	Baseline    string // the contestant that the others are compared with
	Contestants []Contestant
	Least       int               // operations that make up a turn, at least
	Most        int               // operations that make up a turn, at most; 0: any number
	Warm        int               // operations after which round trips are counted, at least
	Missing     map[string]string // who is not in it, and why
}

// Contestant is an implementation of the operation.
type Contestant struct {
	Name string
	How  string       // the calls, and whose documentation says so
	Wire results.Wire // of one operation, if it is known

	// Prepare sets up a turn of n operations. It is not measured. It may be
	// nil.
	Prepare func(ctx context.Context, n int) error

	Turn Turn

	// Check does the operation once and compares its result with the expected
	// one. It runs before the first turn.
	Check func(ctx context.Context) error

	// Stale counts how many reads after a write return an older value. It may
	// be nil.
	Stale func(ctx context.Context, pairs int) (results.Stale, error)
}

// Turn does an operation n times in total from the callers of the crew, and
// returns the time of that alone.
type Turn func(ctx context.Context, crew *Crew, n int) (time.Duration, error)

// prepare sets up a turn of n operations.
func (p Contestant) prepare(ctx context.Context, n int) error {
	if p.Prepare == nil {
		return nil
	}
	return p.Prepare(ctx, n)
}

// Try prepares and takes a turn that is not measured.
func (p Contestant) Try(ctx context.Context, callers, n int) error {
	_, err := p.try(ctx, callers, n)
	return err
}

func (p Contestant) try(ctx context.Context, callers, n int) (time.Duration, error) {
	crew := NewCrew(callers)
	defer crew.End()
	if err := p.prepare(ctx, n); err != nil {
		return 0, err
	}
	return p.Turn(ctx, crew, n)
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
