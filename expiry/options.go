package expiry

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option changes how a [Schedule] sets triggers. Pass options to [NewSchedule]
// or [Schedule.With]. If an option cannot apply, the error is [ErrUnsupported]
// and names it. Options about lifetimes never apply: the delay of a trigger
// decides its lifetime.
type Option = pool.Option

// IfExists changes a trigger only if it exists. If it does not exist, the call
// returns [ErrNotFound] and changes nothing.
func IfExists() Option { return option.IfExists() }

// IfAbsent sets a trigger only if it does not exist. If it exists, the call
// returns [ErrExists] and changes nothing.
func IfAbsent() Option { return option.IfAbsent() }

// On uses the pool with the alias a instead of the one given to [NewSchedule].
// Give the listener the same alias, in [Config.Pool].
//
// If no pool has the alias, the error is [ErrUnknownPool].
func On(a pool.Alias) Option { return option.On(a) }

// Codec encodes payloads with c. Defaults to [codec.Compact].
//
// If c is nil, the error is [ErrInvalidArgument].
func Codec(c codec.Codec) Option { return option.Codec(c) }
