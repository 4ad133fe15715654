package kvrepo

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option configures a [KVRepo]: how it writes and reads. [New] and
// [KVRepo.With] take options. If an option cannot apply, the error is
// [ErrUnsupported] and names it.
type Option = pool.Option

// TTL sets the lifetime of every key that is written to d, rounded up to whole
// milliseconds.
//
// If d is under a millisecond, the error is [ErrInvalidTTL]. A d without a
// unit, as in TTL(60), is 60 nanoseconds. Together with [NoTTL] in one call,
// the error is [ErrInvalidArgument].
func TTL(d time.Duration) Option { return option.TTL(d) }

// KeepTTL does not change the lifetime of a key that exists. A new key gets the
// lifetime of the repository.
func KeepTTL() Option { return option.KeepTTL() }

// NoTTL writes keys without a lifetime. If a key has a lifetime, a write
// removes it.
func NoTTL() Option { return option.NoTTL() }

// IfExists writes only if the record exists. If it does not exist, a write
// returns [ErrNotFound] and changes nothing.
func IfExists() Option { return option.IfExists() }

// IfAbsent writes only if the record does not exist. If it exists, a write
// returns [ErrExists] and changes nothing.
func IfAbsent() Option { return option.IfAbsent() }

// Cached serves [KVRepo.Get], [KVRepo.GetMany] and [KVRepo.PeekShared] from
// memory. A record is served for at most d after it was read, and only until
// Redis reports a change. The absence of a record is cached, too. A write
// through any repository of the same [pool.Pools] is visible to the next read.
// docs/caching.md specifies the guarantees and their limits.
//
// [pool.Cache.MaxBytes] limits the memory. If the server does not support
// client tracking, such as the embedded server, every read goes to the server.
//
// If d is under a millisecond, the error is [ErrInvalidTTL]. Together with
// [ReadReplicas] it is [ErrUnsupported].
func Cached(d time.Duration) Option { return option.Cached(d) }

// ReadReplicas sends reads to replicas. Replica reads are eventually
// consistent: they may be stale, they may miss the caller's own last write, and
// a later read may return an older state if another replica answers it.
//
// Writes, [KVRepo.Mutate] and [KVRepo.GetOrLoad] use the primary, and so do the
// SCANs of [KVRepo.IDs].
//
// On a cluster, the replicas of each primary answer. Under Sentinel, a replica
// that Sentinel names answers. If no replica exists, or none answers within
// half of the call's deadline, the primary answers. Together with [Cached] it
// is [ErrUnsupported].
func ReadReplicas() Option { return option.ReadReplicas() }

// On uses the pool with alias a in place of the alias that [New] was given.
//
// If no pool has the alias, the error is [ErrUnknownPool].
func On(a pool.Alias) Option { return option.On(a) }

// Codec encodes and decodes values with c. Defaults to [codec.Compact].
//
// If c is nil, the error is [ErrInvalidArgument].
func Codec(c codec.Codec) Option { return option.Codec(c) }
