package expiry

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is: the same values as in
// package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // no such trigger, dead letter or payload
	ErrExists          = pool.ErrExists          // IfAbsent, and the trigger is set; a second handler for an action
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a negative delay
	ErrTooLarge        = codec.ErrTooLarge       // a payload over Config.MaxValueBytes
	ErrUnsupported     = pool.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrLeaseLost       = pool.ErrLeaseLost       // the work went to another worker: a cause of a handler's context
	ErrInvalidKey      = keyspace.ErrInvalidKey  // a tenant, an action or an id cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has that alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation; see [pool.OpError].
type OpError = pool.OpError

// ConfigError is one mistake in a [Config]. [NewListener] joins all of them. See
// [pool.ConfigError].
type ConfigError = pool.ConfigError
