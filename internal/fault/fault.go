// Package fault creates the errors of operations. It finds the reason for which
// an operation failed, and whether a write may have been applied.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/operation"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors that operations return, which packages pool and codec define.
var (
	ErrNotFound        = pool.ErrNotFound
	ErrExists          = pool.ErrExists
	ErrConflict        = pool.ErrConflict
	ErrUnknownField    = pool.ErrUnknownField
	ErrFieldType       = pool.ErrFieldType
	ErrWrongType       = pool.ErrWrongType
	ErrInvalidTTL      = pool.ErrInvalidTTL
	ErrInvalidSchedule = pool.ErrInvalidSchedule
	ErrInvalidSchema   = pool.ErrInvalidSchema
	ErrOverflow        = pool.ErrOverflow
	ErrOutOfRange      = pool.ErrOutOfRange
	ErrFull            = pool.ErrFull
	ErrBusy            = pool.ErrBusy
	ErrLimited         = pool.ErrLimited
	ErrUnsupported     = pool.ErrUnsupported
	ErrInvalidArgument = pool.ErrInvalidArgument
	ErrInvalidPage     = pool.ErrInvalidPage
	ErrLeaseLost       = pool.ErrLeaseLost
	ErrNoPermission    = pool.ErrNoPermission
	ErrUnexpectedReply = pool.ErrUnexpectedReply
	ErrGone            = pool.ErrGone
	ErrEnded           = pool.ErrEnded
	ErrInvalidCursor   = pool.ErrInvalidCursor
	ErrLagged          = pool.ErrLagged
	ErrTooLarge        = codec.ErrTooLarge
)

// OpError is the error of an operation on a pool.
type OpError = pool.OpError

// Target describes an operation for its errors. [Target.NotApplied],
// [Target.Applied] and [Target.Failed] return an [OpError].
type Target struct {
	Op    string // the method that the caller used
	Pool  pool.Alias
	Key   string // empty if no single key is concerned
	Field string // empty if no single field is concerned

	Write     bool // whether the operation changes the key
	Retryable bool // whether the client sends it again if the connection breaks

	// Before and After are the text of all keys of the space of the key,
	// without the prefix of the pool, before and after the id. They are empty
	// if the key is in no space.
	Before, After string

	Operation *operation.Operation // nil if the pools have no observer
}

// In returns the context for the commands of the operation.
func (t Target) In(ctx context.Context) context.Context { return t.Operation.In(ctx) }

// In returns the context for commands of the operation to which all targets
// belong.
func In(ctx context.Context, targets []Target) context.Context {
	if len(targets) == 0 {
		return ctx
	}
	return targets[0].In(ctx)
}

// WithKey returns a copy of t for another key.
func (t Target) WithKey(key string) Target {
	t.Key, t.Before, t.After = key, "", ""
	return t
}

// WithField returns a copy of t for one field.
func (t Target) WithField(field string) Target {
	t.Field = field
	return t
}

// NotApplied returns the error of an operation that was not applied: it sent
// nothing, or the server or a script refused it as a whole.
func (t Target) NotApplied(err error) error {
	return t.opError(err, false)
}

// Applied returns the error of an operation that was applied, or applied in
// part, although its result is an error.
func (t Target) Applied(err error) error {
	return t.opError(err, t.Write)
}

// Failed returns the error of an operation whose command was passed to the
// client. It decides from err whether the operation may have been applied.
func (t Target) Failed(err error) error {
	reason := t.withRule(Translate(err))
	if _, ok := rueidis.IsRedisErr(err); ok {
		return t.opError(reason, t.Write && t.appliedBeforeRefusal(reason))
	}
	return t.opError(reason, t.Write && !t.unsent(err))
}

// withRule returns err with a rule that permits the key of t, if the user may
// not access it.
func (t Target) withRule(err error) error {
	denied, ok := err.(*acl.Error) // what wraps it would be lost
	if !ok || t.Key == "" {
		return err
	}
	if t.Before+t.After == "" {
		return denied.ForKey("~" + globOf(t.Key))
	}
	prefix, _, _ := strings.Cut(t.Key, t.Before)
	return denied.ForKey("~" + globOf(prefix+t.Before) + "*" + globOf(t.After))
}

// anyKey is a pattern whose glob of one part is that text.
var anyKey = keyspace.MustCompile("{text}")

// globOf returns a text as a glob that matches only the text.
func globOf(text string) string {
	if text == "" {
		return ""
	}
	return anyKey.Glob(text)
}

// appliedBeforeRefusal reports whether a write may have been applied before the
// server refused it. There are two cases. A script may have written before the
// command for which the user has no permission, unless the command is the
// first, or TIME, which writes follow. Or the client retried the command after
// its connection broke, and the new connection refused the second attempt.
func (t Target) appliedBeforeRefusal(reason error) bool {
	if errors.Is(reason, ErrWrongType) {
		return false
	}
	var denied *acl.Error
	if errors.As(reason, &denied) && denied.AfterOthers && denied.Rule != "+time" {
		return true
	}
	word, _, _ := strings.Cut(reason.Error(), " ")
	return t.Retryable && slices.Contains(refusalsOfNewConnection, word)
}

// refusalsOfNewConnection are the errors with which a new connection may refuse
// a command that the old connection accepted.
var refusalsOfNewConnection = []string{"NOAUTH", "WRONGPASS", "LOADING", "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN"}

// unsent reports whether err proves that no byte of the command was sent. An
// error of the last attempt proves nothing about earlier attempts, so the
// result is false for a retryable command.
func (t Target) unsent(err error) bool {
	if errors.Is(err, pool.ErrClosed) {
		return true
	}
	if t.Retryable {
		return false
	}
	var connecting interface{ Unsent() bool } // an error of package pool
	var dial *net.OpError
	return errors.As(err, &connecting) && connecting.Unsent() ||
		errors.Is(err, rueidis.ErrNoSlot) ||
		errors.Is(err, rueidis.ErrNoCache) || // the server refused CLIENT TRACKING
		errors.As(err, &dial) && dial.Op == "dial"
}

func (t Target) opError(err error, maybeApplied bool) error {
	e := &OpError{Op: t.Op, Pool: t.Pool, Key: t.Key, Field: t.Field, Err: err}
	e.SetMaybeApplied(internal.NotForPublicUse{}, maybeApplied)
	return e
}

// WithOp sets the operation of the first [OpError] in err, and returns err. It
// is for a method that calls another one and returns its error.
func WithOp(op string, err error) error {
	var e *OpError
	if errors.As(err, &e) {
		e.Op = op
	}
	return err
}

// Translate returns err with an error of this library added: ErrUnexpectedReply
// if the reply is nil or cannot be parsed, ErrWrongType or ErrNoPermission if
// the server refused the command for that reason. It returns other errors
// unchanged.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	if rueidis.IsRedisNil(err) {
		return fmt.Errorf("%w: it is nil", ErrUnexpectedReply)
	}
	if rueidis.IsParseErr(err) && !errors.Is(err, ErrUnexpectedReply) {
		return fmt.Errorf("%w: %w", ErrUnexpectedReply, err)
	}
	if re, ok := rueidis.IsRedisErr(err); ok && strings.Contains(re.Error(), "WRONGTYPE Operation") {
		return fmt.Errorf("%w: another program wrote it; delete the key or use another one (%w)", ErrWrongType, re)
	}
	return acl.Explain(err)
}

// ContextError returns an error if ctx has ended. It is for operations that
// have sent nothing.
func ContextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing was sent: %w", err)
	}
	return nil
}

// MaybeApplied returns the result of [pool.OpError.MaybeApplied] for the first
// [OpError] in err, or false if there is none.
func MaybeApplied(err error) bool {
	var op *OpError
	return errors.As(err, &op) && op.MaybeApplied()
}
