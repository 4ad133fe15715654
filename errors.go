package symphony

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is. They are the same values
// in every package that returns them.
var (
	ErrNotFound        = pool.ErrNotFound        // no such record
	ErrExists          = pool.ErrExists          // IfAbsent, and the record is there
	ErrConflict        = pool.ErrConflict        // another writer came first
	ErrUnknownField    = pool.ErrUnknownField    // the record type has no such field
	ErrFieldType       = pool.ErrFieldType       // the value does not fit the field
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidKey      = keyspace.ErrInvalidKey  // a tenant, an id or another part cannot be in a key
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime under a millisecond
	ErrInvalidSchema   = pool.ErrInvalidSchema   // the record type cannot be stored
	ErrOverflow        = pool.ErrOverflow        // a number leaves its field's range
	ErrTooLarge        = codec.ErrTooLarge       // a value over Config.MaxValueBytes
	ErrFull            = pool.ErrFull            // a push over MaxLen
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has that alias
	ErrUnsupported     = pool.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrLeaseLost       = pool.ErrLeaseLost       // claimed work went to somebody else
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation: what was done to which key, why it
// failed, and whether a write may have reached Redis all the same.
//
//	var op *symphony.OpError
//	if errors.As(err, &op) && op.MaybeApplied() {
//		// read the record before writing it again
//	}
type OpError = pool.OpError

// ConfigError is one mistake in a [WorkConfig]. [WorkBatches] joins all of them.
// See [pool.ConfigError].
type ConfigError = pool.ConfigError
