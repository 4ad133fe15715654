package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallsWithinAWindowShareADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 8 * time.Second
		d := newDefaultDeadline(timeout)
		first, release := d.apply(context.Background())
		require.Nil(t, release)
		time.Sleep(time.Second - 1)
		again, _ := d.apply(context.TODO())
		require.True(t, first == again)
		time.Sleep(time.Nanosecond)
		next, _ := d.apply(context.Background())
		require.False(t, first == next)

		time.Sleep(timeout - 1)
		require.NoError(t, first.Err(), "the last call of the window gets the whole timeout")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.ErrorIs(t, first.Err(), context.DeadlineExceeded)
		require.NoError(t, next.Err())

		last, _ := d.apply(context.Background())
		d.stop()
		require.ErrorIs(t, last.Err(), context.Canceled)
	})
}
