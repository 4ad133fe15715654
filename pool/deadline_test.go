package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallsOfAWindowShareADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 8 * time.Second
		d := newDeadline(timeout)
		first, release := d.bound(context.Background())
		require.Nil(t, release)
		time.Sleep(time.Second - 1)
		again, _ := d.bound(context.TODO())
		require.True(t, first == again)
		time.Sleep(time.Nanosecond)
		next, _ := d.bound(context.Background())
		require.False(t, first == next)

		time.Sleep(timeout - 1)
		require.NoError(t, first.Err(), "the last call of the window has the whole timeout")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.ErrorIs(t, first.Err(), context.DeadlineExceeded)
		require.NoError(t, next.Err())

		last, _ := d.bound(context.Background())
		d.stop()
		require.ErrorIs(t, last.Err(), context.Canceled)
	})
}
