package kvrepo

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is: the same values as in
// package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // no such record
	ErrExists          = pool.ErrExists          // IfAbsent, and the record is there
	ErrConflict        = pool.ErrConflict        // another writer came first, until the context ended
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime under a millisecond
	ErrInvalidSchema   = pool.ErrInvalidSchema   // T cannot be stored
	ErrTooLarge        = codec.ErrTooLarge       // a value over Config.MaxValueBytes
	ErrUnsupported     = pool.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the id cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has that alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation; see [pool.OpError].
type OpError = pool.OpError
