package symphony

import (
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is. They are the same values
// in every package that returns them.
var (
	ErrNotFound        = fault.ErrNotFound        // no such record
	ErrExists          = fault.ErrExists          // IfAbsent, and the record is there
	ErrConflict        = fault.ErrConflict        // another writer came first
	ErrUnknownField    = fault.ErrUnknownField    // the record type has no such field
	ErrFieldType       = fault.ErrFieldType       // the value does not fit the field
	ErrWrongType       = fault.ErrWrongType       // the key holds another Redis type
	ErrInvalidKey      = keyspace.ErrInvalidKey   // a tenant, an id or another part cannot be in a key
	ErrInvalidTTL      = fault.ErrInvalidTTL      // a lifetime under a millisecond
	ErrInvalidSchema   = fault.ErrInvalidSchema   // the record type cannot be stored
	ErrOverflow        = fault.ErrOverflow        // a number leaves its field's range
	ErrTooLarge        = fault.ErrTooLarge        // a value over Config.MaxValueBytes
	ErrFull            = fault.ErrFull            // a push over MaxLen
	ErrUnknownPool     = pool.ErrUnknownPool      // no pool has that alias
	ErrUnsupported     = fault.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = fault.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = fault.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = fault.ErrInvalidArgument // no call can take this argument
	ErrLeaseLost       = fault.ErrLeaseLost       // claimed work went to somebody else
	ErrClosed          = pool.ErrClosed           // the pools are closed
)

// OpError is the error of one operation: what was done to which key, why it
// failed, and whether a write may have reached Redis all the same.
//
//	var op *symphony.OpError
//	if errors.As(err, &op) && op.MaybeApplied() {
//		// read the record before writing it again
//	}
type OpError = fault.OpError
