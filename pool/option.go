package pool

import "github.com/symphony-go/symphony/internal/caller"

// Option configures a repository on a pool: how it writes and reads records.
// Each package of repositories has functions that return the options which can
// apply there, such as hashrepo.TTL and listrepo.MaxLen; package symphony has
// all of them. Constructors take options, and so do the With methods, which
// return a view of a repository.
//
// An Option is immutable. The zero Option configures nothing: a constructor
// refuses it with ErrInvalidArgument.
type Option struct{ setting any }

// NewOption returns an option that carries a setting. It is for the packages of
// this module.
func NewOption(_ caller.Symphony, setting any) Option { return Option{setting} }

// Setting returns the setting that an option carries. It is for the packages of
// this module.
func (o Option) Setting(caller.Symphony) any { return o.setting }
