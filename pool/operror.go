package pool

import (
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/internal"
)

// OpError is the error of an operation on a pool. It names the operation, the
// pool, the key and the reason, and reports whether a write may have been
// applied.
//
//	var op *pool.OpError
//	if errors.As(err, &op) && op.MaybeApplied() {
//		// read the record before writing it again
//	}
type OpError struct {
	Op    string // the method, such as "Upsert"
	Pool  Alias  // the pool that the operation used
	Key   string // the key as stored; empty if no single key is concerned
	Field string // the stored name of the field; empty if no single field is concerned
	Err   error  // the reason, for errors.Is and errors.As

	maybeApplied bool
}

// MaybeApplied reports whether a write may have been applied, or applied in
// part, although the call returned an error. It returns false for a read, and
// if nothing was sent or the server refused the whole write. The call can then
// be repeated safely. It returns true if, for example, the connection was lost
// before the reply arrived, or if a transaction was applied in part. If the
// context ended before the reply arrived, the write may also be applied later.
func (e *OpError) MaybeApplied() bool { return e.maybeApplied }

// Error returns the operation, the key, the field, the pool and the reason. A
// stored value is in the reason only if its Go type shows that it is no secret.
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString(errorPrefix)
	b.WriteString(e.Op)
	if e.Key != "" {
		fmt.Fprintf(&b, " %q", e.Key)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, " field %q", e.Field)
	}
	if e.Pool != "" {
		fmt.Fprintf(&b, " (pool %s)", e.Pool)
	}
	b.WriteString(": ")
	// Err may join the errors of steps, one in each line.
	reason := strings.TrimPrefix(e.Err.Error(), errorPrefix)
	b.WriteString(strings.ReplaceAll(reason, "\n"+errorPrefix, "\n"))
	return b.String()
}

const errorPrefix = "symphony: "

// Unwrap returns the reason.
func (e *OpError) Unwrap() error { return e.Err }

// SetMaybeApplied sets the result of [OpError.MaybeApplied]. It is for the
// packages of this module: other packages cannot name its first parameter.
func (e *OpError) SetMaybeApplied(_ internal.NotForPublicUse, maybe bool) { e.maybeApplied = maybe }
