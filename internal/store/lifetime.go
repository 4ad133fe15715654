package store

import (
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
)

// LifetimeMilliseconds returns the lifetime of the options as a decimal number
// of milliseconds, rounded up, or "0" if records do not expire.
func (s *Store) LifetimeMilliseconds() string { return s.lifetimeMS }

// lifetimeArguments returns the condition and the lifetime as the arguments of
// preamble.lua.
func (s *Store) lifetimeArguments() (condition, ms, keep string) {
	switch {
	case s.IfExists:
		condition = "exists"
	case s.IfAbsent:
		condition = "absent"
	}
	if s.Keep {
		keep = "1"
	}
	return condition, s.lifetimeMS, keep
}

// AllowsTx reports whether a write can be a transaction: no option sets a
// condition or keeps the lifetime of an existing key. Other writes need a
// script.
func (s *Store) AllowsTx() bool { return !s.Keep && !s.Conditional() }

// These scripts set the lifetime in a transaction: to ARGV[2] milliseconds, or
// to none. They do so only if the key has the type ARGV[1]. PEXPIRE alone would
// change the lifetime of a key of another type, because MULTI runs it even if
// the write before it fails.
//
// They are sent with EVAL, so they are short. EVALSHA would save no measurable
// time, and would leave a record without a lifetime if the server has lost the
// script.
var (
	expireSource  = acl.RegisterScript(ifTyped + "return redis.call('PEXPIRE',KEYS[1],ARGV[2])")
	persistSource = acl.RegisterScript(ifTyped + "return redis.call('PERSIST',KEYS[1])")
)

const ifTyped = "if redis.call('TYPE',KEYS[1])['ok']~=ARGV[1] then return 0 end\n"

// lifetimeCommand returns the command that sets the lifetime of the options in
// a transaction.
func (s *Store) lifetimeCommand(key string) rueidis.Completed {
	kind := string(s.spec.Kind)
	if s.Lifetime == 0 {
		return s.Client.B().Eval().Script(persistSource).Numkeys(1).Key(key).Arg(kind).Build()
	}
	return s.Client.B().Eval().Script(expireSource).Numkeys(1).Key(key).Arg(kind, s.lifetimeMS).Build()
}
