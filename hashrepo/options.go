package hashrepo

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option configures a [HashRepo]: how it writes and reads. [New] and
// [HashRepo.With] take options. If an option cannot apply, the error is
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

// IfVersion writes only if the stored version of the record is v. If it is not,
// a write returns [ErrConflict] and changes nothing. It applies to types with a
// version field.
func IfVersion(v int64) Option { return option.IfVersion(v) }

// Cached serves [HashRepo.Get], [HashRepo.GetMany] and [HashRepo.PeekShared]
// from memory. A record is served for at most d after it was read, and only
// until Redis reports a change. The absence of a record is cached, too. A write
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
// a later read may return an older state if another replica answers it. If a
// stale record is written with its version, the write returns [ErrConflict] and
// nothing is lost. A write without a version overwrites changes that the read
// did not see.
//
// Writes, patches and [HashRepo.Mutate] use the primary. So do the methods that
// read the list, an index or the database: [HashRepo.All], [HashRepo.IDs],
// [HashRepo.Find], [HashRepo.FindOne], [HashRepo.Page] and [HashRepo.Count]. If
// one of them scans the database, the replicas answer the reads of records.
//
// On a cluster, the replicas of each primary answer. Under Sentinel, a replica
// that Sentinel names answers. If no replica exists, or none answers within
// half of the call's deadline, the primary answers. Together with [Cached] it
// is [ErrUnsupported].
func ReadReplicas() Option { return option.ReadReplicas() }

// Listed keeps a list of the records of the space beside them, so that
// [HashRepo.IDs], [HashRepo.All], [HashRepo.Count] and [HashRepo.DeleteAll]
// read the list and not the whole database. A type with an index is always
// listed. docs/indexes.md describes the list, and how to add it to records that
// exist.
func Listed() Option { return option.Listed() }

// On uses the pool with alias a in place of the alias that [New] was given.
//
// If no pool has the alias, the error is [ErrUnknownPool].
func On(a pool.Alias) Option { return option.On(a) }

// Codec encodes and decodes values with c. Defaults to [codec.Compact].
//
// If c is nil, the error is [ErrInvalidArgument].
func Codec(c codec.Codec) Option { return option.Codec(c) }
