package listrepo

import (
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is: the same values as in
// package symphony.
var (
	ErrNotFound        = fault.ErrNotFound        // no such record
	ErrExists          = fault.ErrExists          // IfAbsent, and the record is there
	ErrWrongType       = fault.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = fault.ErrInvalidTTL      // a lifetime under a millisecond
	ErrInvalidSchema   = fault.ErrInvalidSchema   // T cannot be stored
	ErrTooLarge        = fault.ErrTooLarge        // a value over Config.MaxValueBytes
	ErrFull            = fault.ErrFull            // a push over MaxLen
	ErrLeaseLost       = fault.ErrLeaseLost       // claimed items went to somebody else
	ErrUnsupported     = fault.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = fault.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = fault.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = fault.ErrInvalidArgument // no call can take this argument
	ErrInvalidKey      = keyspace.ErrInvalidKey   // the id cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool      // no pool has that alias
	ErrClosed          = pool.ErrClosed           // the pools are closed
)

// OpError is the error of one operation; see symphony.OpError.
type OpError = fault.OpError
