package expiry

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option configures a [Schedule]: how it writes. [NewSchedule] and
// [Schedule.With] take options. If an option cannot apply, the error is
// [ErrUnsupported] and names it. Options about lifetimes cannot apply, since the
// delay of a trigger is its lifetime.
type Option = pool.Option

// IfExists moves a trigger that is set. If it is not set, the call returns
// [ErrNotFound] and changes nothing.
func IfExists() Option { return option.IfExists() }

// IfAbsent sets a trigger that is not set. If it is set, the call returns
// [ErrExists] and changes nothing.
func IfAbsent() Option { return option.IfAbsent() }

// On uses the pool with alias a in place of the alias that [NewSchedule] was
// given. [Config.Pool] of the listener must be the same.
//
// If no pool has the alias, the error is [ErrUnknownPool].
func On(a pool.Alias) Option { return option.On(a) }

// Codec encodes payloads with c. Defaults to [codec.Compact].
//
// If c is nil, the error is [ErrInvalidArgument].
func Codec(c codec.Codec) Option { return option.Codec(c) }
