// Package limit keeps the buckets of limiters in Redis. The algorithm is GCRA,
// the generic cell rate algorithm of ITU-T Recommendation I.371, as a virtual
// scheduling algorithm: a bucket is one time on the clock of the server.
package limit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

//go:embed lua/bucket.lua
var bucketSource string

//go:embed lua/take.lua
var takeSource string

//go:embed lua/settle.lua
var settleSource string

var (
	takeScript   = store.NewShortScript(bucketSource+takeSource, store.Tuple(store.Flag, store.Count))
	settleScript = store.NewShortScript(bucketSource+settleSource, store.Flag)
)

// Rate is the rate of buckets, as symphony.Rate documents it.
type Rate struct {
	Limit int64
	Per   time.Duration
	Burst int64
}

// mostPerMillisecond bounds a rate, because the server's clock counts
// microseconds.
const mostPerMillisecond = 1_000_000

// longestFill is the longest time in which a bucket fills, ten years.
const longestFill = 10 * 365 * 24 * time.Hour

// check returns an error if the rate is none.
func (r Rate) check() error {
	switch {
	case r.Limit < 1:
		return fmt.Errorf("%w: Rate.Limit is %d; it must be at least 1", fault.ErrInvalidArgument, r.Limit)
	case duration.ForgottenUnit(r.Per) != "":
		return fmt.Errorf("%w: Rate.Per: %s", fault.ErrInvalidArgument, duration.ForgottenUnit(r.Per))
	case r.Per < time.Millisecond:
		return fmt.Errorf("%w: Rate.Per is %v; it must be at least 1ms", fault.ErrInvalidArgument, r.Per)
	case r.Limit/mostPerMillisecond > r.Per.Milliseconds():
		return fmt.Errorf("%w: Rate.Limit is %d in %v; it must be at most a million in a millisecond", fault.ErrInvalidArgument, r.Limit, r.Per)
	case r.Burst < 1:
		return fmt.Errorf("%w: Rate.Burst is %d; it must be at least 1, or 0 for that of Limit", fault.ErrInvalidArgument, r.Burst)
	case r.worth(r.Burst) > longestFill:
		return fmt.Errorf("%w: at this Rate, a bucket is full after more than ten years; lower Burst, or raise Limit", fault.ErrInvalidArgument)
	}
	return nil
}

// worth returns the time in which the rate adds units, or twice longestFill if
// it is longer than that.
func (r Rate) worth(units int64) time.Duration {
	return time.Duration(min(float64(units)/float64(r.Limit)*float64(r.Per), float64(2*longestFill)))
}

// Buckets are the buckets of one key space, all with the same rate.
type Buckets struct {
	store *store.Store
	rate  Rate
}

// New returns the buckets of a space. It sends nothing.
func New(p *pool.Pools, a pool.Alias, space keyspace.Space, rate Rate, opts ...pool.Option) (*Buckets, error) {
	err := rate.check()
	if err == nil {
		err = checkOptions(opts)
	}
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	s, err := store.New(p, a, space, store.Spec{Kind: store.String}, opts...)
	if err != nil {
		return nil, err
	}
	return &Buckets{s, rate}, nil
}

// checkOptions returns an error if an option does not apply to buckets.
func checkOptions(opts []pool.Option) error {
	var settings option.Settings
	if err := settings.Apply(0, opts...); err != nil {
		return err
	}
	return settings.RefuseRecords("Limiter")
}

// With returns a view with more options.
func (b *Buckets) With(opts ...pool.Option) *Buckets {
	if err := checkOptions(opts); err != nil {
		return &Buckets{b.store.WithError(err), b.rate}
	}
	return &Buckets{b.store.With(opts...), b.rate}
}

// Take takes n units from a bucket and returns its start, which
// [Buckets.Settle] needs. If the bucket has too few, the reason of the error is
// the result of limited, whose argument is the time after which it has enough.
func (b *Buckets) Take(ctx context.Context, name string, n int64, limited func(time.Duration) error) (start int64, err error) {
	t, err := b.store.BeginWrite(ctx, "Take", name)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, t.NotApplied(fmt.Errorf("%w: %d units; take at least 1", fault.ErrInvalidArgument, n))
	case n > b.rate.Burst:
		return 0, t.NotApplied(fmt.Errorf("%w: %d units are more than a full bucket has, %d; raise Rate.Burst, or take them in parts",
			fault.ErrInvalidArgument, n, b.rate.Burst))
	}
	m, err := b.store.Run(ctx, t, takeScript, b.arguments(n, b.rate.Burst))
	if err != nil {
		return 0, explain(err)
	}
	numbers, err := m.AsIntSlice()
	switch {
	case err != nil:
		return 0, t.Failed(err)
	case numbers[0] == 0:
		return 0, t.NotApplied(limited(time.Duration(numbers[1]) * time.Microsecond))
	}
	return numbers[1], nil
}

// Settle corrects the n units that a Take took to those that were used. The
// bucket had the given start at the Take.
func (b *Buckets) Settle(ctx context.Context, name string, n, actual, start int64) error {
	t, err := b.store.BeginWrite(ctx, "Settle", name)
	switch {
	case err != nil:
		return err
	case start == 0:
		return t.NotApplied(fmt.Errorf("%w: the Grant is zero; pass what Take returned", fault.ErrInvalidArgument))
	case actual < 0:
		return t.NotApplied(fmt.Errorf("%w: %d units cannot have been used; pass 0 or more", fault.ErrInvalidArgument, actual))
	case b.rate.worth(actual) > longestFill:
		return t.NotApplied(fmt.Errorf("%w: the bucket would be full again after more than ten years; pass fewer units than %d", fault.ErrInvalidArgument, actual))
	case actual == n:
		return nil
	}
	_, err = b.store.Run(ctx, t, settleScript, b.arguments(actual-n, start))
	return explain(err)
}

// arguments returns those of a script.
func (b *Buckets) arguments(units, last int64) []string {
	args := make([]string, 0, 4)
	for _, n := range []int64{units, b.rate.Per.Microseconds(), b.rate.Limit, last} {
		args = append(args, strconv.FormatInt(n, 10))
	}
	return args
}

// explain replaces the reason of a script that found another text in the key.
func explain(err error) error {
	op, ok := errors.AsType[*fault.OpError](err)
	if !ok {
		return err
	}
	if re, ok := errors.AsType[*rueidis.RedisError](op.Err); ok && strings.HasPrefix(re.Error(), "INVALIDBUCKET") {
		op.Err = fmt.Errorf("%w: no Limiter wrote the key; delete it, or use another name", fault.ErrWrongType)
	}
	return err
}
