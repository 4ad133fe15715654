package listrepo

import (
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/pool"
)

// Option configures a [ListRepo]: how it writes and reads. [New] and
// [ListRepo.With] take options. If an option cannot apply, the error is
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

// IfExists pushes only if the queue exists. If it does not exist, Push and
// PushFront return [ErrNotFound] and push nothing. The option does not change
// other calls: to take items from an empty queue is no error.
func IfExists() Option { return option.IfExists() }

// IfAbsent pushes only if the queue does not exist. If it exists, Push and
// PushFront return [ErrExists] and push nothing. Pop, Trim, Claim, Process,
// Retry and Delete return [ErrUnsupported].
func IfAbsent() Option { return option.IfAbsent() }

// ReadReplicas sends reads to replicas. Replica reads are eventually
// consistent: they may be stale, they may miss the caller's own last write, and
// a later read may return an older state if another replica answers it.
//
// Every call that changes a queue uses the primary.
//
// On a cluster, the replicas of each primary answer. Under Sentinel, a replica
// that Sentinel names answers. If no replica exists, or none answers within
// half of the call's deadline, the primary answers.
func ReadReplicas() Option { return option.ReadReplicas() }

// On uses the pool with alias a in place of the alias that [New] was given.
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

// Serial allows one claim of a queue at a time, so that its items are done in
// the order in which they were pushed. If another claim is in flight, Claim and
// Process return [ErrBusy]. Items that come back are delivered before all that
// were pushed after them. docs/queues.md specifies the order and its limits.
//
// Push, PushFront, Retry, Claim and Process with the option make the queue
// serial for all of its users, until it has no items. Other programs that take
// items from the list know nothing of it, and neither does Pop.
//
// With the option, Pop returns [ErrUnsupported].
func Serial() Option { return option.Serial() }

// Quiet hands out the items of a queue once no item was pushed with the option
// for the time quiet, but no later than atMost after the first one that waits.
// Until then, Claim and Process find no items. A push and its debounce are one
// atomic step. [ListRepo.PutOff] puts off the time without an item. The
// server's clock decides, to the millisecond.
//
// Items that are pushed without the option wait with the others, but do not put
// off the time. Pop and other programs that take items do not wait.
//
// If quiet is under a millisecond, or if atMost is below quiet, the error is
// [ErrInvalidTTL]. With the option, Pop returns [ErrUnsupported].
func Quiet(quiet, atMost time.Duration) Option { return option.Quiet(quiet, atMost) }

// MaxAttempts makes an item a dead letter if its n-th delivery fails, is
// released, or loses its lease. An item is claimed alone for its last attempt,
// so that a failure of its own makes no other item a dead letter. Without the
// option the number of attempts is unlimited.
//
// If n is below 1, the error is [ErrInvalidArgument].
func MaxAttempts(n int) Option { return option.MaxAttempts(n) }

// DeadLimit keeps at most n dead letters of a queue. The call that makes a dead
// letter removes the oldest ones beyond that, by a second script, and a warning
// says how many. They are lost. Without the option, all are kept until Retry or
// Discard. Use the same number wherever items are claimed, since the smallest
// one counts.
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
// the next one is made with it.
//
// If d is under a millisecond, the error is [ErrInvalidTTL].
func DeadFor(d time.Duration) Option { return option.DeadFor(d) }

// Lease sets the lease of [ListRepo.Process]. Process renews the lease while
// its handler runs. If the process dies or cannot reach Redis, the items are
// delivered again when the lease expires. Defaults to 30 seconds.
//
// If d is under a millisecond, the error is [ErrInvalidTTL].
func Lease(d time.Duration) Option { return option.Lease(d) }
