package symphony

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// WorkError is an error that did not stop [WorkBatches]. It wraps the error of
// the handler, of the items or of the server.
type WorkError struct {
	Tenant string // empty if the error is about the service
	Queue  Queue
	Err    error
}

// Error returns the queue, the tenant and the text of Err.
func (e *WorkError) Error() string {
	if e.Tenant == "" {
		return fmt.Sprintf("symphony: work on %q: %v", e.Queue.Service, e.Err)
	}
	return fmt.Sprintf("symphony: work on %q of tenant %q: %v", e.Queue, e.Tenant, e.Err)
}

// Unwrap returns Err.
func (e *WorkError) Unwrap() error { return e.Err }

// PanicError is the error of a handler of [WorkBatches] that panicked.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the handler's goroutine, as formatted by [debug.Stack]
}

// Error returns the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("the handler panicked: %v", e.Value) }

// errExited is the error of a handler that ended its goroutine.
var errExited = errors.New("the handler called runtime.Goexit, as FailNow of a test does; return an error instead")

// caught calls a function of the user and returns its error, also if it panics
// or ends its goroutine.
func caught(call func() error) error { return <-started(call) }

// started calls a function of the user in a goroutine of its own. The channel
// receives its error, also if it panics or ends its goroutine.
func started(call func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{value, debug.Stack()}
			}
			result <- err
		}()
		err = call()
	}()
	return result
}
