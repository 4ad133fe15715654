package listrepo

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
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

// Cached serves single records from memory; a queue has none, so it is
// ErrUnsupported here.
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
