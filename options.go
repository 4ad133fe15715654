package symphony

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Option changes how a repository writes and reads: in a constructor, and in
// With. An option that cannot apply is ErrUnsupported with its name.
type Option = option.Option

// TTL gives every key that is written the lifetime d, in whole milliseconds, rounded
// up. Under a millisecond: ErrInvalidTTL.
func TTL(d time.Duration) Option { return option.TTL(d) }

// KeepTTL leaves the lifetime of a key that exists as it is, whatever it is; a new key
// gets the repository's.
func KeepTTL() Option { return option.KeepTTL() }

// NoTTL gives the keys that are written no lifetime, and takes away the one they have.
func NoTTL() Option { return option.NoTTL() }

// IfExists lets a write happen only where the record exists: else ErrNotFound, and
// nothing is changed.
func IfExists() Option { return option.IfExists() }

// IfAbsent lets a write happen only where the record does not exist: else ErrExists,
// and nothing is changed.
func IfAbsent() Option { return option.IfAbsent() }

// IfVersion lets a write happen only where the stored version is v.
func IfVersion(v int64) Option { return option.IfVersion(v) }

// Cached serves Get, GetMany and PeekShared of hashes and values from memory,
// for d at most after the record was read, until Redis says that it changed;
// that there is no record is kept too. A write through any repository of the
// same Pools shows in the next read. See docs/caching.md for what is promised,
// and what not. The memory is bounded by [pool.Config]'s Cache.MaxBytes. Where
// the server has no client tracking, as the embedded one, every read goes to the
// server.
//
// d is a millisecond at least, or it is ErrInvalidTTL. With ReadReplicas it is
// ErrUnsupported, and so it is for queues and triggers.
func Cached(d time.Duration) Option { return option.Cached(d) }

// ReadReplicas lets a replica answer what only reads, and gives up for it what a
// primary promises: a read may be stale, by as much as the replica lags behind;
// it may miss what this very caller has just written; and two reads may go
// back in time, since another replica may answer the second. A record read so
// and written with its version is ErrConflict where it was stale, and nothing is
// lost; one without a version overwrites what it did not see. Mutate, GetOrLoad,
// patches and every other write look at the primary, and so do the SCANs of a
// walk.
//
// On a cluster the replicas of each primary answer, under Sentinel one of the
// replicas that it names. Where a replica does not answer, in half of the
// call's deadline, or there is none, and on a single server, it is the primary.
// With Cached it is ErrUnsupported.
func ReadReplicas() Option { return option.ReadReplicas() }

// On sends everything to the pool with alias a, whatever New was given.
func On(a pool.Alias) Option { return option.On(a) }

// Codec writes and reads values with c. Defaults to codec.Compact.
func Codec(c codec.Codec) Option { return option.Codec(c) }

// MaxLen bounds the length of a queue to n items: a push over it is ErrFull.
func MaxLen(n int) Option { return option.MaxLen(n) }

// MaxAttempts has an item parked among the dead when it comes back from its
// n-th delivery: failed, released, or with a lapsed lease. On its last attempt
// an item is claimed alone, so that it is parked for its own failure and takes
// no other with it. Without the option items come back for ever.
func MaxAttempts(n int) Option { return option.MaxAttempts(n) }

// Lease is how long Process withholds items from other workers when it has
// lost touch with Redis or died; while it works it prolongs the lease. Defaults
// to 30 seconds. Under a millisecond: ErrInvalidTTL.
func Lease(d time.Duration) Option { return option.Lease(d) }

// Workers is how many chunks WorkBatches works on at a time, from 1 to 10,000.
// Defaults to 1, so that handlers need no locks.
func Workers(n int) Option { return option.Workers(n) }

// ChunkSize is how many items of a queue WorkBatches hands out at once.
// Defaults to 100; at most listrepo.MaxCount.
func ChunkSize(n int) Option { return option.ChunkSize(n) }

// Report gets the errors that WorkBatches lives with, each a *WorkError: those
// of handlers, their panics as a *PanicError with the stack, items that do not
// decode, an unreachable server. It is called from several goroutines. Defaults to
// a warning by slog.Default() for each.
func Report(f func(error)) Option { return option.Report(f) }

// Layout says how the repository's keys look. Defaults to the layout of the
// pools. It applies to the constructors of this package alone.
func Layout(l keyspace.Layout) Option { return option.Layout(l) }
