package expiry

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors of this package, for [errors.Is]. They are the same values in
// every package that returns them.
var (
	ErrNotFound        = pool.ErrNotFound        // the trigger, dead letter or payload does not exist
	ErrExists          = pool.ErrExists          // the trigger exists, with IfAbsent
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // the delay is negative
	ErrInvalidSchedule = pool.ErrInvalidSchedule // the rule of a recurring trigger cannot be read
	ErrTooLarge        = codec.ErrTooLarge       // the payload is larger than pool.Config.MaxValueBytes, or takes too much memory to decode
	ErrUnsupported     = pool.ErrUnsupported     // the server, codec or layout cannot do it, or an option cannot apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no permission for the command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // the server sent a reply that Redis never sends
	ErrInvalidArgument = pool.ErrInvalidArgument // an argument, an option or a field of Config is invalid
	ErrLeaseLost       = pool.ErrLeaseLost       // the lease of a firing was lost; the cause of a handler's context
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the tenant, action or id cannot be part of a key
	ErrUnknownPool     = pool.ErrUnknownPool     // the Pools do not have the alias
	ErrClosed          = pool.ErrClosed          // the Pools are closed
)

// ErrRegistered is returned if an action already has a handler. It is an
// [ErrExists] too.
var ErrRegistered error = registeredError{}

type registeredError struct{}

func (registeredError) Error() string { return "the action already has a handler" }

// Is reports whether target is ErrExists.
func (registeredError) Is(target error) bool { return target == ErrExists }

// OpError is the error of one operation. See [pool.OpError].
type OpError = pool.OpError

// ConfigError is an invalid field of a [Config]. [NewListener] joins the errors
// of all invalid fields. See [pool.ConfigError].
type ConfigError = pool.ConfigError
