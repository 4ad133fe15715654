package pool

import "github.com/symphony-go/symphony/internal"

// Option configures how a repository reads and writes records. Each package of
// repositories has functions that return the options which can apply there,
// such as hashrepo.TTL and listrepo.MaxLen. Package symphony has all of them.
// Constructors accept options, and so do the With methods, which return a view
// of a repository.
//
// An Option is immutable. The zero Option is invalid: a constructor returns
// [ErrInvalidArgument] for it.
type Option struct{ setting any }

// NewOption returns an option that carries a setting. It is for the packages of
// this module.
func NewOption(_ internal.NotForPublicUse, setting any) Option { return Option{setting} }

// Setting returns the setting that an option carries. It is for the packages of
// this module.
func (o Option) Setting(internal.NotForPublicUse) any { return o.setting }
