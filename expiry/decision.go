package expiry

import (
	"time"

	"github.com/symphony-go/symphony/internal/retry"
)

// GiveUp returns an error that wraps err. If a handler returns it, the firing
// becomes a dead letter at once, whatever [Config.MaxAttempts] is. The text of
// err is its [Event.LastError]. Use it for work that can never succeed.
//
// The error may be wrapped further, or joined with others. If a handler's error
// wraps several of GiveUp and [RetryAfter], the first that [errors.As] finds
// counts: the outermost one, and the first of joined ones. If the handler's
// context has ended, GiveUp has no effect, as the firing is released.
//
// If err is nil, GiveUp returns nil. symphony.GiveUp is the same function.
func GiveUp(err error) error { return retry.GiveUp(err) }

// RetryAfter returns an error that wraps err. If a handler returns it, the
// attempt has failed, and the next one begins after d in place of
// [Config.Backoff]. After [Config.MaxAttempts] failures, the firing becomes a
// dead letter as usual. Use it if another service asked to be called again
// later.
//
// A negative d counts as 0. A d under a microsecond, as in RetryAfter(60, err),
// has no unit: RetryAfter then has no effect, and the error says so. If an
// error wraps several, the rule is that of [GiveUp]. If err is nil, RetryAfter
// returns nil. symphony.RetryAfter is the same function.
func RetryAfter(d time.Duration, err error) error { return retry.After(d, err) }
