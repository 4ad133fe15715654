package symphony

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors of calls, for [errors.Is]. An [OpError] wraps them. The packages
// that return them export the same values.
var (
	ErrNotFound        = pool.ErrNotFound        // the record does not exist
	ErrExists          = pool.ErrExists          // the record exists and IfAbsent was given, or another record has the unique value
	ErrConflict        = pool.ErrConflict        // another writer changed the record first
	ErrUnknownField    = pool.ErrUnknownField    // the record type has no such field
	ErrFieldType       = pool.ErrFieldType       // the value does not fit the field
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidKey      = keyspace.ErrInvalidKey  // a tenant, an id or another part cannot be part of a key
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime, a lease or the time of Quiet is too short
	ErrInvalidSchedule = pool.ErrInvalidSchedule // the rule of a recurring trigger cannot be read
	ErrInvalidSchema   = pool.ErrInvalidSchema   // the record type cannot be stored
	ErrOverflow        = pool.ErrOverflow        // the sum is outside the range of the field
	ErrOutOfRange      = pool.ErrOutOfRange      // the sum is outside the bounds that the addition has
	ErrTooLarge        = codec.ErrTooLarge       // a value is larger than Config.MaxValueBytes
	ErrFull            = pool.ErrFull            // a push would exceed MaxLen
	ErrBusy            = pool.ErrBusy            // another claim of a queue with the option Serial is in flight
	ErrLimited         = pool.ErrLimited         // a Limiter has too few units; see [LimitError]
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has the alias
	ErrUnsupported     = pool.ErrUnsupported     // the server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no permission for a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // the reply is none that Redis sends
	ErrInvalidArgument = pool.ErrInvalidArgument // no call accepts the argument
	ErrInvalidPage     = pool.ErrInvalidPage     // the page token is of another query or space
	ErrGone            = pool.ErrGone            // entries after the cursor were trimmed, or the feed expired
	ErrEnded           = pool.ErrEnded           // the feed has ended
	ErrInvalidCursor   = pool.ErrInvalidCursor   // the cursor is not one that a feed returned
	ErrLagged          = pool.ErrLagged          // the subscriber missed messages of a topic; see LagError
	ErrLeaseLost       = pool.ErrLeaseLost       // the lease of claimed work expired, or the work was removed
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation. It names the operation, the pool and
// the key, and reports whether a write may have been applied. See
// [pool.OpError].
//
//	var op *symphony.OpError
//	if errors.As(err, &op) && op.MaybeApplied() {
//		// read the record before writing it again
//	}
type OpError = pool.OpError

// ConfigError is one mistake in a [WorkConfig]. [WorkBatches] joins all of
// them. See [pool.ConfigError].
type ConfigError = pool.ConfigError
