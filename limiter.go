package symphony

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/limit"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Limiter limits how much of something a tenant uses: requests, tokens of a
// language model, mails. Each name of a tenant is a bucket of its own that all
// processes share, with the key `{tenant}:limit:{name}`.
//
// A bucket starts full, with [Rate.Burst] units. Its methods are:
//
//   - [Limiter.Take] takes units, and the bucket fills again at the rate
//   - [Limiter.Settle] corrects them, if the amount is known only afterwards
//   - options: [Limiter.With]
//
// The calls of a Limiter that is nil or zero return [ErrInvalidArgument].
//
// The algorithm is GCRA, the generic cell rate algorithm of ITU-T
// Recommendation I.371, as a virtual scheduling algorithm: a bucket is one time
// on the clock of the server. A Limiter is safe for concurrent use.
type Limiter struct{ buckets *limit.Buckets }

// Rate is a number of units in a time. All limiters of a bucket should have the
// same rate.
type Rate struct {
	Limit int64         // units that are added in the time Per
	Per   time.Duration // at least a millisecond
	Burst int64         // units of a full bucket, the most of one Take; 0: Limit
}

// Grant is a number of units that [Limiter.Take] took from a bucket.
type Grant struct {
	Name  string
	Units int64

	start int64 // of the bucket
}

// LimitError is the error of [Limiter.Take] if a bucket has too few units. It
// is an [ErrLimited].
type LimitError struct {
	Name       string
	RetryAfter time.Duration // after which the bucket has enough units, if nobody else takes any
}

// Error names the bucket and the time.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: %q has too few units; take them again after %v", ErrLimited, e.Name, e.RetryAfter)
}

// Unwrap returns [ErrLimited].
func (e *LimitError) Unwrap() error { return ErrLimited }

// NewLimiter returns a limiter of a tenant, on [pool.Handlers]. It sends
// nothing.
//
// If the tenant cannot be part of a key, NewLimiter returns [ErrInvalidKey]. If
// the rate is none, it returns [ErrInvalidArgument]. If an option other than
// [On] and [Layout] is given, it returns [ErrUnsupported]. It also returns the
// errors of the pools.
func NewLimiter(pools *pool.Pools, tenant string, rate Rate, opts ...Option) (*Limiter, error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Limit }, opts, tenant)
	if err != nil {
		return nil, err
	}
	if rate.Burst == 0 {
		rate.Burst = rate.Limit
	}
	buckets, err := limit.New(pools, pool.Handlers, space, limit.Rate(rate), rest...)
	if err != nil {
		return nil, err
	}
	return &Limiter{buckets}, nil
}

// With returns a view of the limiter with more options. The original does not
// change. If an option is invalid or does not apply, every method of the view
// returns the error that [NewLimiter] would return, before anything is sent.
func (l *Limiter) With(opts ...Option) *Limiter {
	if !l.made() {
		return l
	}
	return &Limiter{l.buckets.With(opts...)}
}

// Take takes n units from the bucket name, all or none. It runs a script, in
// one round trip, which is atomic. The key of the bucket expires when the
// bucket is full.
//
// If the bucket has too few units, Take returns a [*LimitError] and takes
// nothing. If n is below 1, or above the units of a full bucket, it returns
// [ErrInvalidArgument] and sends nothing. If the name cannot be part of a key,
// it returns [ErrInvalidKey]. If the key holds another Redis type, it returns
// [ErrWrongType]. It also does if no Limiter wrote the text in the key.
func (l *Limiter) Take(ctx context.Context, name string, n int64) (Grant, error) {
	if !l.made() {
		return Grant{}, errNoLimiter
	}
	start, err := l.buckets.Take(ctx, name, n, func(wait time.Duration) error { return &LimitError{name, wait} })
	if err != nil {
		return Grant{}, err
	}
	return Grant{name, n, start}, nil
}

// Settle replaces the units of a grant with the units that were used. If fewer
// were used, it puts the rest back. If more were used, it takes the difference,
// also if the bucket does not have it; Take then waits until that is made good.
// Call it at most once for a grant. It runs a script, in one round trip, which
// is atomic.
//
// If the bucket has been full since the grant, there is nothing to put back.
//
// If the grant is none that Take returned, or actual is negative, Settle
// returns [ErrInvalidArgument] and sends nothing. Other errors are those of
// Take.
func (l *Limiter) Settle(ctx context.Context, g Grant, actual int64) error {
	if !l.made() {
		return errNoLimiter
	}
	return l.buckets.Settle(ctx, g.Name, g.Units, actual, g.start)
}

// made reports whether a constructor made l.
func (l *Limiter) made() bool { return l != nil && l.buckets != nil }

var errNoLimiter = fmt.Errorf("symphony: %w: the Limiter is nil or zero; make one with NewLimiter", ErrInvalidArgument)
