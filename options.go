package symphony

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Option configures a repository: how it writes and reads. Constructors and
// With methods take options. If an option cannot apply to a repository, the
// error is [ErrUnsupported] and names it.
type Option = pool.Option

// TTL sets the lifetime of every key that is written to d, rounded up to whole
// milliseconds.
//
// Every repository of the same records needs the same lifetime, since each
// write sets that of its own repository; see [NoTTL].
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
//
// The lifetime belongs to the repository, not to the record. If a second
// constructor of the same records lacks NoTTL, each of its writes gives a
// permanent record a lifetime of 24 hours. So declare each repository once, as
// a function of the service that all of its code calls; see the example
// OneConstructor and docs/guide.md.
func NoTTL() Option { return option.NoTTL() }

// IfExists writes only if the record exists. If it does not exist, a write
// returns [ErrNotFound] and changes nothing. Of the calls on queues, it applies
// to Enqueue; see [listrepo.IfExists].
func IfExists() Option { return option.IfExists() }

// IfAbsent writes only if the record does not exist. If it exists, a write
// returns [ErrExists] and changes nothing. A call that only changes or removes
// records returns [ErrUnsupported].
func IfAbsent() Option { return option.IfAbsent() }

// IfVersion writes only if the stored version of the record is v. If it is not,
// a write returns [ErrConflict] and changes nothing. It applies to types with a
// version field.
func IfVersion(v int64) Option { return option.IfVersion(v) }

// Cached serves Get, GetMany and PeekShared of hashes and values from memory. A
// record is served for at most d after it was read, and only until Redis
// reports a change. The absence of a record is cached, too. A write through any
// repository of the same [pool.Pools] is visible to the next read.
// docs/caching.md specifies the guarantees and their limits.
//
// [pool.Cache.MaxBytes] limits the memory. If the server does not support
// client tracking, as the embedded one, every read goes to the server.
//
// If d is under a millisecond, the error is [ErrInvalidTTL]. Together with
// [ReadReplicas] it is [ErrUnsupported], and so it is for queues and triggers.
func Cached(d time.Duration) Option { return option.Cached(d) }

// ReadReplicas sends reads to replicas. Replica reads are eventually
// consistent: they may be stale, they may miss the caller's own last write, and
// a later read may return an older state if another replica answers it. If a
// stale record is written with its version, the write returns [ErrConflict] and
// nothing is lost. A write without a version overwrites changes that the read
// did not see.
//
// Writes, Mutate and GetOrLoad use the primary, and so does every SCAN.
//
// On a cluster, the replicas of each primary answer. Under Sentinel, a replica
// that Sentinel names answers. If no replica exists, or none answers within
// half of the call's deadline, the primary answers. Together with [Cached] it
// is [ErrUnsupported].
func ReadReplicas() Option { return option.ReadReplicas() }

// Listed keeps a list of the records of a repository of hashes. IDs, All, Count
// and DeleteAll then read the list and not the whole database, and so do
// [SharedState.States], [SharedState.Clear] and [DeleteAllByPK]. A type with an
// index is always listed. If records exist that were written without the
// option, run [hashrepo.HashRepo.Reindex] once. docs/indexes.md describes the
// list and its cost.
//
// On a cluster it needs a layout such as [keyspace.ClusterByTenant]. With
// [keyspace.Cluster], the error is [ErrUnsupported], and so it is for values,
// queues and triggers.
func Listed() Option { return option.Listed() }

// On uses the pool with alias a in place of the constructor's pool.
//
// If no pool has the alias, the error is [ErrUnknownPool].
func On(a pool.Alias) Option { return option.On(a) }

// Codec encodes and decodes values with c. Defaults to [codec.Compact].
//
// If c is nil, the error is [ErrInvalidArgument].
func Codec(c codec.Codec) Option { return option.Codec(c) }

// MaxLen limits a queue to n items that wait. A push beyond the limit returns
// [ErrFull] and pushes nothing.
//
// If n is below 1, the error is [ErrInvalidArgument].
func MaxLen(n int) Option { return option.MaxLen(n) }

// KeepLast keeps the last n entries of a [Feed]. Each append trims older ones.
// Defaults to 10,000.
//
// If n is below 1, the error is [ErrInvalidArgument]. For other repositories,
// it is [ErrUnsupported].
func KeepLast(n int) Option { return option.KeepLast(n) }

// Serial allows one claim of a queue at a time, so that its items are done in
// the order in which they were enqueued. If another claim is in flight, Claim
// and Process return [ErrBusy], and [WorkBatches] handles other queues. Items
// that come back are delivered before all that were enqueued after them.
// docs/queues.md specifies the order and its limits.
//
// Enqueue, Retry, Claim and Process with the option make the queue serial for
// all of its users, until it has no items. Other programs that take items from
// the list know nothing of it.
//
// For values, hashes and triggers, the error is [ErrUnsupported].
func Serial() Option { return option.Serial() }

// Quiet hands out the items of a queue once no item was enqueued with the
// option for the time quiet, but no later than atMost after the first one that
// waits. Until then, Claim and Process find no items, and [WorkBatches] handles
// other queues. An Enqueue and its debounce are one atomic step.
// [Batch.PutOff] puts off the time without an item. The server's clock decides,
// to the millisecond.
//
// Items that are enqueued without the option wait with the others, but do not
// put off the time.
//
// If quiet is under a millisecond, or if atMost is below quiet, the error is
// [ErrInvalidTTL]. For values, hashes and triggers, it is [ErrUnsupported].
func Quiet(quiet, atMost time.Duration) Option { return option.Quiet(quiet, atMost) }

// MaxAttempts makes an item a dead letter if its n-th delivery fails, is
// released, or loses its lease. An item is claimed alone for its last attempt,
// so that a failure of its own makes no other item a dead letter. Without the
// option the number of attempts is unlimited. It applies to the calls of a
// [Batch]; [WorkBatches] takes [WorkConfig.MaxAttempts].
//
// If n is below 1, the error is [ErrInvalidArgument].
func MaxAttempts(n int) Option { return option.MaxAttempts(n) }

// DeadLimit keeps at most n dead letters of a queue. The call that makes a dead
// letter removes the oldest ones beyond that, by a second script, and a warning
// says how many. They are lost. Without the option, all are kept until Retry or
// Discard. Use the same number wherever items are claimed, since the smallest
// one counts. It applies to the calls of a [Batch]; [WorkBatches] takes
// [WorkConfig.DeadLimit].
//
// If n is below 1, the error is [ErrInvalidArgument].
func DeadLimit(n int) Option { return option.DeadLimit(n) }

// DeadFor keeps dead letters of a queue for the time d. The call that makes a
// dead letter removes those that died longer ago by the server's clock, by a
// second script, and a warning says how many. They are lost. Without the
// option, dead letters are kept for ever.
//
// If no dead letter follows, the server removes all of the queue together once
// the last one has died d ago. No warning says so. So each is kept for at least
// d and less than twice d.
//
// Use the same duration wherever items are claimed, since the shortest one
// counts. If the last dead letter is made without the option, all stay until
// the next one is made with it. It applies to the calls of a [Batch];
// [WorkBatches] takes [WorkConfig.DeadFor].
//
// If d is under a millisecond, the error is [ErrInvalidTTL].
func DeadFor(d time.Duration) Option { return option.DeadFor(d) }

// Lease sets the lease of [Batch.Process]. Process renews the lease while its
// handler runs. If the process dies or cannot reach Redis, the items are
// delivered again when the lease expires. Defaults to 30 seconds. [WorkBatches]
// takes [WorkConfig.Lease].
//
// If d is under a millisecond, the error is [ErrInvalidTTL].
func Lease(d time.Duration) Option { return option.Lease(d) }

// Layout sets the key layout. Defaults to [pool.Config.Layout]. It applies to
// the constructors and functions of this package.
func Layout(l keyspace.Layout) Option { return option.Layout(l) }

// ScanRate limits how many keys a walk with SCAN visits in a second: that of
// [Tenants], [Keys], [Erase], [Export] or [Import], and those of methods of
// repositories that walk, such as All and Reindex of hashes,
// [Batch.ScanQueues] and [Trigger.List]. Walks of one repository share the
// rate. A walk visits a thousand keys at once.
//
// If keys is below 1, the error is [ErrInvalidArgument].
func ScanRate(keys int) Option { return option.ScanRate(keys) }

// Progress calls f during a walk with SCAN, after every thousand keys, with the
// number of keys that were walked over and the number of all keys of the
// databases. It applies to the calls of [ScanRate]. [Erase] walks twice, and
// counts each key twice. Walks of one repository are added. The calls of f are
// not concurrent, and f must not use the repository. It sends DBSIZE to each
// primary before a walk. What is written meanwhile is not in the total.
//
// If f is nil, the error is [ErrInvalidArgument].
func Progress(f func(walked, total int64)) Option { return option.Progress(f) }

// DryRun makes [Erase] count what it would remove, and remove nothing. It makes
// [Import] check each line of the export, and write nothing.
//
// For other calls, the error is [ErrUnsupported].
func DryRun() Option { return option.DryRun() }

// IntoExisting makes [Import] write to a tenant that has something already.
//
// For other calls, the error is [ErrUnsupported].
func IntoExisting() Option { return option.IntoExisting() }
