package pool

import (
	"errors"
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/internal/caller"
)

// The reasons for which an operation fails, for [errors.Is]. The packages of
// the repositories name the same values.
var (
	// ErrNotFound is returned if the record does not exist.
	ErrNotFound = errors.New("record not found")

	// ErrExists is returned if the record exists and the operation, such as a
	// write with IfAbsent, needs it to be absent.
	ErrExists = errors.New("record exists already")

	// ErrConflict is returned if another writer changed the record first.
	ErrConflict = errors.New("record was changed by another writer")

	// ErrUnknownField is returned if the record type has no field of that name.
	ErrUnknownField = errors.New("unknown field")

	// ErrFieldType is returned if a value does not fit the type of its field.
	ErrFieldType = errors.New("value does not fit the field")

	// ErrWrongType is returned if the key holds another Redis type than the
	// repository stores, because something else wrote it.
	ErrWrongType = errors.New("key holds another Redis type")

	// ErrInvalidTTL is returned if a lifetime or a lease is under a millisecond.
	ErrInvalidTTL = errors.New("invalid lifetime")

	// ErrInvalidSchema is returned by a constructor if the record type cannot be
	// stored. The error names the field.
	ErrInvalidSchema = errors.New("invalid schema")

	// ErrOverflow is returned if the result of an addition is out of the range of
	// its field.
	ErrOverflow = errors.New("number overflows the field")

	// ErrFull is returned if a push would make a queue longer than its MaxLen.
	ErrFull = errors.New("queue is full")

	// ErrUnsupported is returned if this server, codec, layout or schema cannot do
	// what is asked, or if an option does not apply.
	ErrUnsupported = errors.New("unsupported")

	// ErrInvalidArgument is returned for an argument that no call can take, such as
	// a count below zero or a nil handler.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrLeaseLost is returned if the lease of claimed work has expired or the work
	// was removed.
	ErrLeaseLost = errors.New("lease lost")
)

// OpError is the error of one operation on one key. It says what was done to
// which key, why that failed, and whether a write may have been applied
// nevertheless.
//
//	var op *pool.OpError
//	if errors.As(err, &op) && op.MaybeApplied() {
//		// read the record before writing it again
//	}
type OpError struct {
	Op    string // the method, such as "Upsert"
	Pool  Alias  // the pool that the operation used
	Key   string // the key as stored; empty if the operation is not about a single key
	Field string // the stored name of the field; empty if the operation is not about a single field
	Err   error  // the reason, for errors.Is and errors.As

	maybe bool
}

// SetMaybeApplied is for the packages of this library.
func (e *OpError) SetMaybeApplied(_ caller.Symphony, maybe bool) { e.maybe = maybe }

// Error names the operation, the key, the field and the reason. It never
// holds a stored value.
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString("symphony: ")
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
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns the reason.
func (e *OpError) Unwrap() error { return e.Err }

// MaybeApplied reports whether a write may have been applied although the call
// failed. It is false if nothing was sent or if the server refused the command.
// The call can then be repeated safely.
func (e *OpError) MaybeApplied() bool { return e.maybe }
