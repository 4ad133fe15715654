package symphony

import (
	"time"

	"github.com/symphony-go/symphony/internal/retry"
)

// GiveUp returns an error that wraps err. If a handler of [WorkBatches] or
// [Batch.Process] returns it, its items become dead letters at once, whatever
// [MaxAttempts] is. The text of err is their reason. Use it for items that can
// never be done. With [listrepo.Undone], only the items that are not done
// become dead letters:
//
//	return symphony.GiveUp(listrepo.Undone(err, items[3]))
//
// The error may be wrapped further, or joined with others. If a handler's error
// wraps several of GiveUp and [RetryAfter], the first that [errors.As] finds
// counts: the outermost one, and the first of joined ones. Several errors of
// Undone may be joined, each with a decision of its own. If the context of
// the handler ended because the workers stop, GiveUp has no effect, as the
// items go back.
//
// If err is nil, GiveUp returns nil. [expiry.GiveUp] is the same function.
func GiveUp(err error) error { return retry.GiveUp(err) }

// RetryAfter returns an error that wraps err. If a handler of [WorkBatches] or
// [Batch.Process] returns it, the attempt has failed, and its items are
// delivered again after d. WorkBatches does not call [WorkConfig.Backoff] then.
// With [MaxAttempts], an item without an attempt left becomes a dead letter as
// usual. With [listrepo.Undone], only the items that are not done wait. Use it
// if another service asked to be called again later.
//
// Other items of the queue are delivered meanwhile. A queue with the option
// [Serial] hands out nothing until then, so that its order holds.
//
// A negative d counts as 0. A d under a microsecond, as in RetryAfter(60, err),
// has no unit: RetryAfter then has no effect, and the error says so. If an
// error wraps several, the rule is that of [GiveUp]. If err is nil, RetryAfter
// returns nil. [expiry.RetryAfter] is the same function.
func RetryAfter(d time.Duration, err error) error { return retry.After(d, err) }
