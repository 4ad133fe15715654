// Package option holds the write options that every repository takes, in a
// constructor and in With alike.
package option

import (
	"fmt"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Option changes how a repository writes: see the functions that make one.
type Option struct {
	name  string
	needs Trait
	why   string // what a repository without the trait lacks
	apply func(*Settings) error

	layout *keyspace.Layout
}

// Trait is what a repository must be able to do for an option to apply.
type Trait uint8

// The traits, one for each option that not every repository can honour.
const (
	Lifetimes Trait = 1 << iota // TTL, KeepTTL, NoTTL
	Versions                    // IfVersion
	Caching                     // Cached
	Bounds                      // MaxLen, MaxAttempts, Lease
	Working                     // Workers, ChunkSize, Report
	bound                       // Layout: no repository has it, SplitLayout takes it before
)

// Settings is what the options of a repository add up to.
type Settings struct {
	Lifetime time.Duration // zero: none
	Endless  bool          // NoTTL was asked for: a lifetime that is there is taken away
	Keep     bool          // a key that exists keeps the lifetime it has
	IfExists bool
	IfAbsent bool
	Version  *int64 // the version that the record must have; nil: any
	Alias    pool.Alias
	Codec    codec.Codec
	MaxLen   int           // zero: unbounded
	Cached   time.Duration // how long a record is served from memory; zero: not at all
	Replicas bool          // reads may come from replicas
	Work
}

// Conditional reports whether a write asks for something about the record first.
func (s *Settings) Conditional() bool { return s.IfExists || s.IfAbsent || s.Version != nil }

// Apply adds opts to s for a repository with the given traits. The error wraps
// ErrUnsupported, ErrInvalidArgument or ErrInvalidTTL and names the option.
func (s *Settings) Apply(traits Trait, opts ...Option) error {
	for _, o := range opts {
		if o.name == "" {
			return fmt.Errorf("%w: the zero Option; use one of the option functions", fault.ErrInvalidArgument)
		}
		if o.needs&^traits != 0 {
			return fmt.Errorf("%w: %s does not apply here: %s", fault.ErrUnsupported, o.name, o.why)
		}
		if err := o.apply(s); err != nil {
			return err
		}
	}
	if s.IfExists && s.IfAbsent {
		return fmt.Errorf("%w: IfExists with IfAbsent; keep one of the two", fault.ErrUnsupported)
	}
	if s.Cached > 0 && s.Replicas {
		return fmt.Errorf("%w: Cached with ReadReplicas: a replica lags behind, and what is cached shows every write; keep one of the two",
			fault.ErrUnsupported)
	}
	return nil
}

// TTL gives every key written the lifetime d, which is no less than Redis's unit.
func TTL(d time.Duration) Option {
	return Option{name: "TTL", needs: Lifetimes, why: lifetimeWhy, apply: func(s *Settings) error {
		if d < time.Millisecond {
			return fmt.Errorf("%w: %v is under a millisecond; NoTTL is the way to say none", fault.ErrInvalidTTL, d)
		}
		s.Lifetime, s.Endless = d, false
		return nil
	}}
}

const lifetimeWhy = "the delay is the lifetime"

// Failing is an option whose error is err.
func Failing(err error) Option {
	return Option{name: "Failing", apply: func(*Settings) error { return err }}
}

// NoTTL gives every key written no lifetime.
func NoTTL() Option {
	return Option{name: "NoTTL", needs: Lifetimes, why: lifetimeWhy, apply: func(s *Settings) error { s.Lifetime, s.Endless = 0, true; return nil }}
}

// KeepTTL leaves the lifetime of a key that exists as it is.
func KeepTTL() Option {
	return Option{name: "KeepTTL", needs: Lifetimes, why: lifetimeWhy, apply: func(s *Settings) error { s.Keep = true; return nil }}
}

// IfExists lets a write happen only where the record exists.
func IfExists() Option {
	return Option{name: "IfExists", apply: func(s *Settings) error { s.IfExists = true; return nil }}
}

// IfAbsent lets a write happen only where the record does not exist.
func IfAbsent() Option {
	return Option{name: "IfAbsent", apply: func(s *Settings) error { s.IfAbsent = true; return nil }}
}

// IfVersion lets a write happen only where the stored version is v.
func IfVersion(v int64) Option {
	return Option{name: "IfVersion", needs: Versions, why: unversioned, apply: func(s *Settings) error { s.Version = &v; return nil }}
}

const unversioned = "only the records of a hashrepo have versions, and values, queues and triggers have none; leave it out"

// NoVersion is why IfVersion does not apply to the records of a type.
const NoVersion = "the record has no version; a struct has one if it has an int64 field with the tag `redis:\",version\"`"

// Cached serves reads from memory for d at most.
func Cached(d time.Duration) Option {
	return Option{name: "Cached", needs: Caching, why: "only single records are cached, and only where they are read", apply: func(s *Settings) error {
		if d < time.Millisecond {
			return fmt.Errorf("%w: Cached(%v) is under a millisecond; leave the option out for reads that are not cached", fault.ErrInvalidTTL, d)
		}
		s.Cached = d
		return nil
	}}
}

// ReadReplicas lets reads go to replicas.
func ReadReplicas() Option {
	return Option{name: "ReadReplicas", apply: func(s *Settings) error { s.Replicas = true; return nil }}
}

// On sends everything to the pool with alias a.
func On(a pool.Alias) Option {
	return Option{name: "On", apply: func(s *Settings) error { s.Alias = a; return nil }}
}

// Codec writes and reads values with c.
func Codec(c codec.Codec) Option {
	return Option{name: "Codec", apply: func(s *Settings) error {
		if c == nil {
			return fmt.Errorf("%w: Codec(nil); leave the option out for codec.Compact", fault.ErrInvalidArgument)
		}
		s.Codec = c
		return nil
	}}
}

// MaxLen bounds the length of a queue.
func MaxLen(n int) Option {
	return Option{name: "MaxLen", needs: Bounds, why: "only a queue has a length", apply: func(s *Settings) error {
		if n < 1 {
			return fmt.Errorf("%w: MaxLen(%d); a queue holds at least one item", fault.ErrInvalidArgument, n)
		}
		s.MaxLen = n
		return nil
	}}
}

// Layout sets the key layout of a domain repository.
func Layout(l keyspace.Layout) Option {
	return Option{name: "Layout", why: layoutWhy, layout: &l, needs: bound}
}

const layoutWhy = "the keys are bound already; give it to a domain repository's constructor"

// Without is opts without those that need a trait.
func Without(t Trait, opts []Option) []Option {
	return slices.DeleteFunc(slices.Clone(opts), func(o Option) bool { return o.needs&t != 0 })
}

// SplitLayout takes the Layout options out of opts: the last one's layout, or
// fallback where there is none, and the other options.
func SplitLayout(fallback keyspace.Layout, opts []Option) (keyspace.Layout, []Option) {
	rest := make([]Option, 0, len(opts))
	for _, o := range opts {
		if o.layout != nil {
			fallback = *o.layout
		} else {
			rest = append(rest, o)
		}
	}
	return fallback, rest
}
