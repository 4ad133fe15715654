package symphony

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// WorkError is an error that WorkBatches met and lives with.
type WorkError struct {
	Tenant string // empty where the error is about no tenant
	Queue  Queue
	Err    error
}

// Error says at which queue it happened.
func (e *WorkError) Error() string {
	if e.Tenant == "" {
		return fmt.Sprintf("symphony: work on %q: %v", e.Queue.Service, e.Err)
	}
	return fmt.Sprintf("symphony: work on %q of tenant %q: %v", e.Queue, e.Tenant, e.Err)
}

// Unwrap gives the reason.
func (e *WorkError) Unwrap() error { return e.Err }

// PanicError is a handler of WorkBatches that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("the handler panicked: %v", e.Value) }

// errExited is a handler that ended its goroutine.
var errExited = errors.New("the handler called runtime.Goexit, as FailNow of a test does; return an error instead")

// caught calls a user's function, which may panic or end its goroutine: it has one
// of its own, so that the worker's goes on.
func caught(call func() error) error {
	err := errExited
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{value, debug.Stack()}
			}
		}()
		err = call()
	}()
	<-done
	return err
}

// reporter returns a function that passes errors to report, or to the log if
// there is none. An error that report fails on is logged.
func reporter(report func(error)) func(error) {
	if report == nil {
		return logWorkError
	}
	return func(err error) {
		if failed := caught(func() error { report(err); return nil }); failed != nil {
			logWorkError(fmt.Errorf("%w (Report failed on it: %w)", err, failed))
		}
	}
}

// logWorkError is the default of Report.
func logWorkError(err error) {
	log := slog.With("error", err)
	var p *PanicError
	if errors.As(err, &p) {
		log = log.With("stack", string(p.Stack))
	}
	log.Warn("symphony: WorkBatches met an error and goes on")
}
