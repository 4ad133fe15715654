// Package option implements the options of repositories. Constructors and With
// methods take them. The packages of repositories export the functions that
// can apply there.
package option

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// setting is the content of a pool.Option.
type setting struct {
	name   string
	needs  Trait
	reason string // why a repository without the trait cannot apply it
	apply  func(*Settings) error

	layout *keyspace.Layout // of Layout alone
}

func (s setting) option() pool.Option { return pool.NewOption(internal.NotForPublicUse{}, &s) }

// settingOf returns the setting of an option. It is nil for the zero Option.
func settingOf(o pool.Option) *setting {
	s, _ := o.Setting(internal.NotForPublicUse{}).(*setting)
	return s
}

// Trait is a property of a repository that some options need.
type Trait uint16

// The traits.
const (
	Lifetimes  Trait = 1 << iota // keys have lifetimes: TTL, KeepTTL, NoTTL
	Versions                     // records have versions: IfVersion
	Caching                      // single records are read: Cached
	Queues                       // keys are queues: MaxLen, Serial, Quiet
	Deliveries                   // items are claimed: MaxAttempts, DeadLimit, DeadFor, Lease
	Listings                     // the space can have a list of its records: Listed
	DryRuns                      // the call erases or imports a tenant: DryRun
	Imports                      // the call imports a tenant: IntoExisting
	Feeds                        // keys are feeds: KeepLast
	unbound                      // keys are not bound yet: Layout; see SplitLayout
)

// Settings is the sum of the options of a repository.
type Settings struct {
	Lifetime time.Duration // zero: none
	Endless  bool          // NoTTL: a write removes the lifetime of a key
	Keep     bool          // KeepTTL: a write does not renew the lifetime of a key
	IfExists bool
	IfAbsent bool
	Version  *int64 // nil: any
	Alias    pool.Alias
	Codec    codec.Codec
	MaxLen   int           // zero: unbounded
	Serial   bool          // one claim of a queue at a time
	Quiet    time.Duration // how long a queue is quiet after a push; zero: it is not
	AtMost   time.Duration // how long pushes put off the first one; not below Quiet
	Cached   time.Duration // zero: not cached
	Replicas bool          // reads may go to replicas
	Listed   bool          // the space has a list of its records
	KeepLast int           // how many entries a feed keeps; zero: the default

	Pace *Pace // of walks with SCAN; nil: no limit and no report

	DryRun       bool // Erase removes nothing, and Import writes nothing
	IntoExisting bool // Import adds to a tenant that exists

	MaxAttempts int           // zero: unbounded
	DeadLimit   int           // most dead letters of a queue; zero: unbounded
	DeadFor     time.Duration // how long each of them is kept; zero: for ever
	Logger      *slog.Logger  // of queues; nil: that of the pools
	Lease       time.Duration // zero: the repository's default

	// Backoff returns how long an item waits after its attempt failed. Nil: not
	// at all.
	Backoff func(attempt int, err error) time.Duration
}

// Conditional reports whether a write depends on the record's state.
func (s *Settings) Conditional() bool { return s.IfExists || s.IfAbsent || s.Version != nil }

// RefuseRecords returns ErrUnsupported if s has an option for reads and writes
// of records. It is for what has no records; who names it.
func (s *Settings) RefuseRecords(who string) error {
	if s.Conditional() || s.Replicas || s.Codec != nil {
		return fmt.Errorf("%w: %s takes no option for reads and writes of records; leave it out", fault.ErrUnsupported, who)
	}
	return nil
}

// Apply adds opts to s for a repository with the given traits. Its errors name
// the option. If an option needs another trait, or two options exclude each
// other, the error is ErrUnsupported. If an argument is invalid, it is
// ErrInvalidArgument or ErrInvalidTTL. If opts have both TTL and NoTTL, it is
// ErrInvalidArgument: neither of them is meant to win.
func (s *Settings) Apply(traits Trait, opts ...pool.Option) error {
	for _, o := range opts {
		set := settingOf(o)
		if set == nil {
			return fmt.Errorf("%w: the zero Option; use one of the option functions", fault.ErrInvalidArgument)
		}
		if set.needs&^traits != 0 {
			return fmt.Errorf("%w: %s does not apply here: %s", fault.ErrUnsupported, set.name, set.reason)
		}
		if err := set.apply(s); err != nil {
			return err
		}
	}
	if hasOption(opts, "TTL") && hasOption(opts, "NoTTL") {
		return fmt.Errorf("%w: TTL with NoTTL in one call; keep one of the two", fault.ErrInvalidArgument)
	}
	if s.IfExists && s.IfAbsent {
		return fmt.Errorf("%w: IfExists with IfAbsent; keep one of the two", fault.ErrUnsupported)
	}
	if s.Cached > 0 && s.Replicas {
		return fmt.Errorf("%w: Cached with ReadReplicas: a cached read shows the latest write, and a replica may not have it; keep one of the two",
			fault.ErrUnsupported)
	}
	return nil
}

func hasOption(opts []pool.Option, name string) bool {
	return slices.ContainsFunc(opts, func(o pool.Option) bool { return settingOf(o).name == name })
}

// TTL sets the lifetime of every key that is written.
func TTL(d time.Duration) pool.Option {
	return setting{name: "TTL", needs: Lifetimes, reason: delayIsLifetime, apply: func(s *Settings) error {
		if err := checkTime("TTL", d, "use NoTTL for keys without a lifetime"); err != nil {
			return err
		}
		s.Lifetime, s.Endless = d, false
		return nil
	}}.option()
}

const delayIsLifetime = "the delay of a trigger is its lifetime"

// NoTTL writes keys without a lifetime.
func NoTTL() pool.Option {
	return setting{name: "NoTTL", needs: Lifetimes, reason: delayIsLifetime, apply: func(s *Settings) error {
		s.Lifetime, s.Endless = 0, true
		return nil
	}}.option()
}

// KeepTTL does not renew the lifetime of a key that exists.
func KeepTTL() pool.Option {
	return setting{name: "KeepTTL", needs: Lifetimes, reason: delayIsLifetime, apply: func(s *Settings) error {
		s.Keep = true
		return nil
	}}.option()
}

// IfExists writes only if the record exists.
func IfExists() pool.Option {
	return setting{name: "IfExists", apply: func(s *Settings) error { s.IfExists = true; return nil }}.option()
}

// IfAbsent writes only if the record does not exist.
func IfAbsent() pool.Option {
	return setting{name: "IfAbsent", apply: func(s *Settings) error { s.IfAbsent = true; return nil }}.option()
}

// IfVersion writes only if the stored version is v.
func IfVersion(v int64) pool.Option {
	return setting{name: "IfVersion", needs: Versions, reason: unversioned, apply: func(s *Settings) error {
		s.Version = &v
		return nil
	}}.option()
}

const unversioned = "only records of a hashrepo have versions; leave the option out"

// NoVersion is the reason why IfVersion does not apply to a type without a
// version field.
const NoVersion = "the record has no version; add an int64 field with the tag `redis:\",version\"` to the struct"

// Cached serves reads from memory for d at most.
func Cached(d time.Duration) pool.Option {
	return setting{name: "Cached", needs: Caching, reason: uncached, apply: func(s *Settings) error {
		if err := checkTime("Cached", d, "leave the option out for reads that are not cached"); err != nil {
			return err
		}
		s.Cached = d
		return nil
	}}.option()
}

const uncached = "only reads of single records are cached; leave the option out for queues and triggers"

// ReadReplicas lets reads go to replicas.
func ReadReplicas() pool.Option {
	return setting{name: "ReadReplicas", apply: func(s *Settings) error { s.Replicas = true; return nil }}.option()
}

// On selects the pool.
func On(a pool.Alias) pool.Option {
	return setting{name: "On", apply: func(s *Settings) error { s.Alias = a; return nil }}.option()
}

// Codec selects the codec.
func Codec(c codec.Codec) pool.Option {
	return setting{name: "Codec", apply: func(s *Settings) error {
		if c == nil {
			return fmt.Errorf("%w: Codec(nil); leave the option out for codec.Compact", fault.ErrInvalidArgument)
		}
		s.Codec = c
		return nil
	}}.option()
}

// MaxLen limits the length of a queue.
func MaxLen(n int) pool.Option {
	return setting{name: "MaxLen", needs: Queues, reason: "only a queue has a length; leave the option out", apply: func(s *Settings) error {
		return positive("MaxLen", "a queue holds at least one item", n, &s.MaxLen)
	}}.option()
}

// Serial allows one claim of a queue at a time.
func Serial() pool.Option {
	return setting{name: "Serial", needs: Queues, reason: unordered, apply: func(s *Settings) error {
		s.Serial = true
		return nil
	}}.option()
}

// Quiet hands out the items of a queue once no push came for the time quiet.
func Quiet(quiet, atMost time.Duration) pool.Option {
	return setting{name: "Quiet", needs: Queues, reason: unhanded, apply: func(s *Settings) error {
		if err := checkTime("quiet of Quiet", quiet, "leave the option out for items that need not wait"); err != nil {
			return err
		}
		if unit := duration.ForgottenUnit(atMost); unit != "" {
			return fmt.Errorf("%w: atMost of Quiet is %v; %s", fault.ErrInvalidTTL, atMost, unit)
		}
		if atMost < quiet {
			return fmt.Errorf("%w: Quiet(%v, %v): items wait for at least the first and at most the second time; make the second one no shorter", fault.ErrInvalidTTL, quiet, atMost)
		}
		s.Quiet, s.AtMost = quiet, atMost
		return nil
	}}.option()
}

const (
	unordered = "only items of a queue have an order; leave the option out for values, hashes and triggers"
	unhanded  = "only a queue hands out items; leave the option out for values and hashes, and use Debounce for triggers"
)

// Listed keeps a list of the records of a space.
func Listed() pool.Option {
	return setting{name: "Listed", needs: Listings, reason: unlisted, apply: func(s *Settings) error {
		s.Listed = true
		return nil
	}}.option()
}

const unlisted = "only records of a hashrepo are listed; leave the option out for values, queues and triggers"

// DryRun counts what a call would remove, and removes nothing.
func DryRun() pool.Option {
	return setting{name: "DryRun", needs: DryRuns, reason: "only Erase and Import have a dry run; leave the option out", apply: func(s *Settings) error {
		s.DryRun = true
		return nil
	}}.option()
}

// IntoExisting imports into a tenant that exists.
func IntoExisting() pool.Option {
	return setting{name: "IntoExisting", needs: Imports, reason: "only Import takes it; leave the option out", apply: func(s *Settings) error {
		s.IntoExisting = true
		return nil
	}}.option()
}

// KeepLast limits the entries of a feed.
func KeepLast(n int) pool.Option {
	return setting{name: "KeepLast", needs: Feeds, reason: "only a feed is trimmed; leave the option out", apply: func(s *Settings) error {
		return positive("KeepLast", "a feed keeps at least one entry", n, &s.KeepLast)
	}}.option()
}

// Layout sets the key layout of a domain repository.
func Layout(l keyspace.Layout) pool.Option {
	return setting{name: "Layout", needs: unbound, reason: bound, layout: &l}.option()
}

const bound = "the keys are bound already; pass it to a constructor of package symphony"

// SplitLayout returns the last layout among opts, or fallback if there is none,
// and the other options.
func SplitLayout(fallback keyspace.Layout, opts []pool.Option) (keyspace.Layout, []pool.Option) {
	hasLayout := func(o pool.Option) bool {
		s := settingOf(o)
		if s == nil || s.layout == nil {
			return false
		}
		fallback = *s.layout
		return true
	}
	return fallback, slices.DeleteFunc(slices.Clone(opts), hasLayout)
}

// checkTime returns ErrInvalidTTL if d, the argument of an option, is under a
// millisecond, the unit of Redis. The remedy is for a duration that has a unit.
func checkTime(argument string, d time.Duration, remedy string) error {
	if d >= time.Millisecond {
		return nil
	}
	return fmt.Errorf("%w: %s is %v, which is under a millisecond; %s", fault.ErrInvalidTTL, argument, d, cmp.Or(duration.ForgottenUnit(d), remedy))
}

func positive(name, why string, n int, into *int) error {
	if n < 1 {
		return fmt.Errorf("%w: %s(%d); %s", fault.ErrInvalidArgument, name, n, why)
	}
	*into = n
	return nil
}
