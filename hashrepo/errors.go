package hashrepo

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors that the methods of this package return, for [errors.Is]. They are
// the same values as in package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // the record does not exist
	ErrExists          = pool.ErrExists          // the record exists and IfAbsent was given, or another record has the unique value
	ErrConflict        = pool.ErrConflict        // another writer changed or removed the record
	ErrUnknownField    = pool.ErrUnknownField    // T has no field with this name
	ErrFieldType       = pool.ErrFieldType       // the value does not fit the field
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime is less than a millisecond
	ErrInvalidSchema   = pool.ErrInvalidSchema   // T cannot be stored
	ErrOverflow        = pool.ErrOverflow        // a number is out of the range of its field
	ErrOutOfRange      = pool.ErrOutOfRange      // a sum is out of the bounds of its Addition
	ErrTooLarge        = codec.ErrTooLarge       // a value is larger than Config.MaxValueBytes
	ErrUnsupported     = pool.ErrUnsupported     // this server, codec, layout or schema cannot do it, or an option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // the server sent a reply that Redis never sends
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrInvalidPage     = pool.ErrInvalidPage     // the page token is of another query or space
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the id cannot be part of a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has this alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation; see [pool.OpError].
type OpError = pool.OpError
