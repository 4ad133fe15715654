// Package operation carries the name of a repository's operation to the client
// that sends its commands. It does so only if the pools have an observer.
package operation

import (
	"context"
	"sync/atomic"
)

// Operation is one call of a method of a repository. Its methods may be called
// on a nil Operation, which stands for a call that is not observed.
type Operation struct {
	Repository string // the type of the repository, such as User
	Name       string // the method, such as Get
	Tenant     string // empty if the keys have no tenant

	retries atomic.Int32
}

type contextKey struct{}

// In returns a context for the commands of the operation.
func (o *Operation) In(ctx context.Context) context.Context {
	if o == nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, o)
}

// From returns the operation of a context that [Operation.In] returned, or nil.
func From(ctx context.Context) *Operation {
	o, _ := ctx.Value(contextKey{}).(*Operation)
	return o
}

// Retry records that the operation begins another attempt.
func (o *Operation) Retry() {
	if o != nil {
		o.retries.Add(1)
	}
}

// Attempt returns the number of the attempt, from 1.
func (o *Operation) Attempt() int { return 1 + int(o.retries.Load()) }
