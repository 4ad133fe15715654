// Package fault makes the errors of operations: it decides which reason an
// operation failed for, and whether a write may have been applied.
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
	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/caller"
	"github.com/symphony-go/symphony/pool"
)

// The errors of packages pool and codec, under the name that the other packages
// use.
var (
	ErrNotFound        = pool.ErrNotFound
	ErrExists          = pool.ErrExists
	ErrConflict        = pool.ErrConflict
	ErrUnknownField    = pool.ErrUnknownField
	ErrFieldType       = pool.ErrFieldType
	ErrWrongType       = pool.ErrWrongType
	ErrInvalidTTL      = pool.ErrInvalidTTL
	ErrInvalidSchema   = pool.ErrInvalidSchema
	ErrOverflow        = pool.ErrOverflow
	ErrFull            = pool.ErrFull
	ErrUnsupported     = pool.ErrUnsupported
	ErrInvalidArgument = pool.ErrInvalidArgument
	ErrLeaseLost       = pool.ErrLeaseLost
	ErrNoPermission    = pool.ErrNoPermission
	ErrUnexpectedReply = pool.ErrUnexpectedReply
	ErrTooLarge        = codec.ErrTooLarge
)

// OpError is the error of one operation on one key.
type OpError = pool.OpError

// Target names what an operation works on.
type Target struct {
	Op        string
	Pool      pool.Alias
	Key       string
	Field     string
	Write     bool // whether the operation changes the key
	Retryable bool // whether the client sends it again when its connection breaks
}

// NotApplied is the error of an operation that sent nothing, or that the server
// or one of our scripts refused as a whole.
func (t Target) NotApplied(err error) error {
	return t.failed(err, false)
}

// Failed is the error of an operation whose command was handed to the client.
func (t Target) Failed(err error) error {
	reason := Translate(err)
	if _, ok := rueidis.IsRedisErr(err); ok {
		return t.failed(reason, t.Write && t.overtaken(reason))
	}
	return t.failed(reason, t.Write && !t.unsent(err))
}

// overtaken reports whether something may have been applied before the server
// refused: an earlier attempt whose connection broke, or what a script did
// before it met a command that the user has no right to. Scripts ask for the
// TIME before they write.
func (t Target) overtaken(reason error) bool {
	if errors.Is(reason, ErrWrongType) {
		return false
	}
	var missing *acl.Error
	if errors.As(reason, &missing) && missing.Script && missing.Rule != "+time" {
		return true
	}
	word, _, _ := strings.Cut(reason.Error(), " ")
	return t.Retryable && slices.Contains(afterABreak, word)
}

// afterABreak are the refusals that a new connection meets: a command that is
// sent again may have been applied before the old one broke.
var afterABreak = []string{"NOAUTH", "WRONGPASS", "LOADING", "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN"}

// Applied is the error of an operation that was applied, or partly, although
// its result is an error.
func (t Target) Applied(err error) error {
	return t.failed(err, t.Write)
}

func (t Target) failed(err error, maybe bool) error {
	e := &OpError{Op: t.Op, Pool: t.Pool, Key: t.Key, Field: t.Field, Err: err}
	e.SetMaybeApplied(caller.Symphony{}, maybe)
	return e
}

// WithOp gives an operation's error the name of the method that the caller used.
func WithOp(op string, err error) error {
	var e *OpError
	if errors.As(err, &e) {
		e.Op = op
	}
	return err
}

// WithKey is t for another key.
func (t Target) WithKey(key string) Target {
	t.Key = key
	return t
}

// WithField is t for one field.
func (t Target) WithField(field string) Target {
	t.Field = field
	return t
}

// Translate gives the server's refusals, and replies that make no sense, the names
// of ours.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	if rueidis.IsParseErr(err) && !errors.Is(err, ErrUnexpectedReply) {
		return fmt.Errorf("%w: %w", ErrUnexpectedReply, err)
	}
	if re, ok := rueidis.IsRedisErr(err); ok && strings.Contains(re.Error(), "WRONGTYPE Operation") {
		return fmt.Errorf("%w: it was written by something else; delete it or use another key (%w)", ErrWrongType, re)
	}
	return acl.Explain(err)
}

// unsent reports whether err shows that no byte of the command left. It is the
// last error, and tells nothing of what was sent before it.
func (t Target) unsent(err error) bool {
	if errors.Is(err, pool.ErrClosed) {
		return true
	}
	if t.Retryable {
		return false
	}
	var making interface{ Unsent() bool } // an error of making the connection
	var dial *net.OpError
	return errors.As(err, &making) && making.Unsent() ||
		errors.Is(err, rueidis.ErrNoSlot) ||
		errors.Is(err, rueidis.ErrNoCache) || // CLIENT TRACKING was refused
		errors.As(err, &dial) && dial.Op == "dial"
}

// ContextError is the context's error when it has ended already, for a refusal
// before anything is sent.
func ContextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing was sent: %w", err)
	}
	return nil
}
