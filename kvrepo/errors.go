package kvrepo

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors that operations return, for [errors.Is]. They are the same values
// as in package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // the value does not exist
	ErrExists          = pool.ErrExists          // the value exists, and IfAbsent was set
	ErrConflict        = pool.ErrConflict        // other writers changed the value in every attempt
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime is under a millisecond
	ErrInvalidSchema   = pool.ErrInvalidSchema   // the codec cannot encode T
	ErrTooLarge        = codec.ErrTooLarge       // a value is larger than Config.MaxValueBytes
	ErrUnsupported     = pool.ErrUnsupported     // this server or codec cannot do it, or an option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user may not use a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // the server sent a reply that Redis never sends
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the ID cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has this alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation. See [pool.OpError].
type OpError = pool.OpError
