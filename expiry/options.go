package expiry

import (
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option changes how a schedule writes: in NewSchedule, and in With. One that
// cannot apply is ErrUnsupported with its name; a trigger's delay is its
// lifetime, so those for lifetimes are among them.
type Option = option.Option

// IfExists moves a trigger that is set, and sets none: else ErrNotFound.
func IfExists() Option { return option.IfExists() }

// IfAbsent sets a trigger, and moves none: else ErrExists.
func IfAbsent() Option { return option.IfAbsent() }

// On sends everything to the pool with alias a, whatever NewSchedule was given.
// The listener's Config.Pool must be the same.
func On(a pool.Alias) Option { return option.On(a) }

// Codec writes payloads with c. Defaults to codec.Compact.
func Codec(c codec.Codec) Option { return option.Codec(c) }
