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

// Error gives the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("the handler panicked: %v", e.Value) }

// caught calls what may panic.
func caught(call func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{value, debug.Stack()}
		}
	}()
	return call()
}

// logWorkError is what Report defaults to.
func logWorkError(err error) {
	log := slog.With("error", err)
	var p *PanicError
	if errors.As(err, &p) {
		log = log.With("stack", string(p.Stack))
	}
	log.Warn("symphony: WorkBatches met an error and goes on")
}
