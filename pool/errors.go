package pool

import (
	"errors"

	"github.com/symphony-go/symphony/internal/acl"
)

// The errors of [Open], of the methods of [Pools] and of their clients, for
// [errors.Is].
var (
	// ErrUnknownPool is returned if the [Pools] do not have the alias, or if a
	// constructor gets Pools that are nil or that [Open] did not make. If the
	// alias is missing, the wrapping error lists the aliases that exist.
	ErrUnknownPool = errors.New("unknown pool")

	// ErrClosed is returned if a call begins after [Pools.Close]. Nothing was
	// sent. A call that was under way during Close may return
	// rueidis.ErrClosing instead. If that call is a write, it may have been
	// applied. A Receive that was under way returns ErrClosed.
	ErrClosed = errors.New("pools are closed")

	// ErrNoPermission is returned if the Redis user has no permission for the
	// command, the key or the channel. The wrapping error names the missing ACL
	// rule if the server reports it. docs/security.md lists the permissions
	// that each repository needs.
	ErrNoPermission = acl.ErrNoPermission

	// ErrUnexpectedReply is returned if the server sends a reply that Redis
	// never sends, such as a reply of the wrong type, or a reply that announces
	// more data than Redis allows. If the call is a write, it may have been
	// applied.
	ErrUnexpectedReply = errors.New("unexpected reply from the server")
)

// The errors of operations and constructors, for [errors.Is]. The error of an
// operation is an [OpError] that wraps one of them, [keyspace.ErrInvalidKey] or
// codec.ErrTooLarge, or another error, such as that of a connection. The
// packages of the repositories export the same values.
var (
	// ErrNotFound is returned if the record does not exist. It is also returned
	// if a trigger, its payload or a dead letter does not exist, and if a claim
	// has no items.
	ErrNotFound = errors.New("record not found")

	// ErrExists is returned if the record or the trigger exists and the
	// operation requires that it does not, such as a write with the option
	// IfAbsent. It is also returned if another record has the value of a unique
	// field, and if an action already has a handler.
	ErrExists = errors.New("record already exists")

	// ErrConflict is returned if another writer changed or deleted the record
	// first, or if its version is not the one that the operation requires.
	ErrConflict = errors.New("record was changed by another writer")

	// ErrUnknownField is returned if the record type has no field of that name.
	ErrUnknownField = errors.New("unknown field")

	// ErrFieldType is returned if a value does not fit the type of its field.
	ErrFieldType = errors.New("value does not fit the field")

	// ErrWrongType is returned if the key holds another Redis type than the
	// repository stores, because another program wrote it.
	ErrWrongType = errors.New("key holds another Redis type")

	// ErrInvalidTTL is returned if a lifetime, a lease or the duration of the
	// options Cached and Quiet is shorter than a millisecond, if the limit of
	// Quiet is below its duration, or if the delay of a trigger or the limit of
	// its delay is negative. It is also returned for a delay without a unit,
	// which is under a microsecond.
	ErrInvalidTTL = errors.New("invalid lifetime")

	// ErrInvalidSchedule is returned if a recurring trigger has a period under
	// a second, a cron spec that cannot be read or has no time, or an unknown
	// time zone.
	ErrInvalidSchedule = errors.New("invalid schedule")

	// ErrInvalidSchema is returned by a constructor if the record type cannot
	// be stored. The wrapping error names the field or the type.
	ErrInvalidSchema = errors.New("invalid schema")

	// ErrOverflow is returned if a number is outside the range of its field,
	// such as the result of an addition.
	ErrOverflow = errors.New("number overflows the field")

	// ErrOutOfRange is returned if a sum is out of the bounds that its addition
	// has, such as a stock below zero.
	ErrOutOfRange = errors.New("sum is out of range")

	// ErrFull is returned if a push would make a queue longer than its MaxLen.
	ErrFull = errors.New("queue is full")

	// ErrBusy is returned if another claim of a queue with the option Serial is
	// in flight.
	ErrBusy = errors.New("queue is busy")

	// ErrLimited is returned if a limiter has too few units.
	ErrLimited = errors.New("limit reached")

	// ErrUnsupported is returned if the server, codec, layout or schema cannot
	// do what was asked, or if an option does not apply to the call.
	ErrUnsupported = errors.New("unsupported")

	// ErrInvalidArgument is returned if no call can accept the argument, such
	// as a negative count or a nil handler.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrInvalidPage is returned if the token of a page is not one of the same
	// query in the same space.
	ErrInvalidPage = errors.New("invalid page token")

	// ErrGone is returned if entries of a feed after the cursor were trimmed,
	// or if the feed expired or was deleted.
	ErrGone = errors.New("feed has gone past the cursor")

	// ErrEnded is returned if a value is appended to a feed that has ended.
	ErrEnded = errors.New("feed has ended")

	// ErrInvalidCursor is returned if a cursor is not one that a feed returned.
	ErrInvalidCursor = errors.New("invalid cursor")

	// ErrLagged is returned if a subscriber of a topic missed messages.
	ErrLagged = errors.New("messages were missed")

	// ErrLeaseLost is returned if the lease of claimed work has expired, or if
	// the work was removed.
	ErrLeaseLost = errors.New("lease lost")
)

// ConfigError is one mistake in a configuration. [Open] joins all mistakes in a
// [Config]:
//
//	var mistake *pool.ConfigError
//	if errors.As(err, &mistake) {
//		log.Print(mistake.Field) // the first mistake: "URLs[user]"
//	}
//
// A ConfigError wraps [ErrInvalidArgument]. It never contains a password.
type ConfigError struct {
	Config string // the type of the configuration, such as "pool.Config"
	Field  string // the field, such as "URL", or "URLs[user]" for an entry of a map
	Reason string // the mistake and its remedy
}

// Error returns the configuration, the field, the mistake and its remedy.
func (e *ConfigError) Error() string { return e.Config + "." + e.Field + ": " + e.Reason }

// Unwrap returns [ErrInvalidArgument].
func (e *ConfigError) Unwrap() error { return ErrInvalidArgument }
