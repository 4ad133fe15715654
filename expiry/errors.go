package expiry

import (
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is: the same values as in
// package symphony.
var (
	ErrNotFound        = fault.ErrNotFound        // no such trigger, dead letter or payload
	ErrExists          = fault.ErrExists          // IfAbsent, and the trigger is set; a second handler for an action
	ErrWrongType       = fault.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = fault.ErrInvalidTTL      // a negative delay
	ErrTooLarge        = fault.ErrTooLarge        // a payload over Config.MaxValueBytes
	ErrUnsupported     = fault.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = fault.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = fault.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = fault.ErrInvalidArgument // no call can take this argument
	ErrLeaseLost       = fault.ErrLeaseLost       // the work went to another worker: a cause of a handler's context
	ErrInvalidKey      = keyspace.ErrInvalidKey   // a tenant, an action or an id cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool      // no pool has that alias
	ErrClosed          = pool.ErrClosed           // the pools are closed
)

// OpError is the error of one operation; see symphony.OpError.
type OpError = fault.OpError

// ConfigError is one mistake in a Config, an ErrInvalidArgument. NewListener joins
// all of them.
type ConfigError struct {
	Field  string // the field: "Workers"
	Reason string // what is wrong and how to mend it
}

// Error names the field, what is wrong with it and how to mend it.
func (e *ConfigError) Error() string { return "expiry: Config." + e.Field + ": " + e.Reason }

// Unwrap returns ErrInvalidArgument.
func (e *ConfigError) Unwrap() error { return ErrInvalidArgument }
