package renewal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
)

const leased = 3 * time.Second

type extend func(context.Context) error

func (f extend) Extend(ctx context.Context, _ time.Duration) error { return f(ctx) }

// A lease is renewed after each third of it until stop is called, also after
// the context of the caller has ended.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		var renewals atomic.Int64
		held, stop := Start(ctx, nil, extend(func(context.Context) error {
			require.Equal(t, time.Duration(renewals.Add(1))*leased/3, time.Since(begin))
			return nil
		}), leased, begin.Add(leased))
		time.Sleep(5*leased + time.Millisecond)
		require.NoError(t, held.Err())
		require.EqualValues(t, 15, renewals.Load())
		cancel()
		time.Sleep(leased)
		require.EqualValues(t, 18, renewals.Load())
		stop()
		time.Sleep(leased)
		require.EqualValues(t, 18, renewals.Load())
		require.ErrorIs(t, context.Cause(held), context.Canceled)
	})
}

// A failed renewal is tried again until the lease expires. Then, or if the
// lease is lost, the context ends.
func TestStartFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err  error
		ends time.Duration
	}{
		"error": {broken, leased},
		"lost":  {fault.ErrLeaseLost, leased / 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				held, stop := Start(t.Context(), nil, extend(func(context.Context) error { return c.err }), leased, begin.Add(leased))
				<-held.Done()
				require.Equal(t, c.ends, time.Since(begin))
				require.ErrorIs(t, context.Cause(held), fault.ErrLeaseLost)
				require.ErrorIs(t, context.Cause(held), c.err)
				stop()
			})
		})
	}
}

// A renewal that does not return is not waited for after the lease has expired.
func TestStartHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		held, stop := Start(t.Context(), nil, extend(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}), leased, begin.Add(leased))
		<-held.Done()
		require.Equal(t, leased, time.Since(begin))
		stop()
	})
}
