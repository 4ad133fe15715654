package expiry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Consumers that wait for slots get them in their order, and the one that
// releases a slot learns whether it got one.
func TestSlotsGoToThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSlots(2)
		first, second := &consumer{}, &consumer{}
		require.Equal(t, 2, w.tryAcquire(3))
		require.Zero(t, w.tryAcquire(1))
		got := make(chan int)
		for _, c := range []*consumer{first, second} {
			go func() { got <- w.acquire(t.Context(), c, 1, time.Hour) }()
			synctest.Wait()
		}
		require.False(t, w.release(1, second), "first waits longer")
		require.Equal(t, 1, <-got)
		require.True(t, w.release(1, second))
		require.Equal(t, 1, <-got)
		require.False(t, w.release(2, second))
		require.Equal(t, 2, w.acquire(t.Context(), first, 5, time.Hour), "they are free")
	})
}

// A consumer that stops waiting leaves the slots to others.
func TestSlotsAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSlots(1)
		c := &consumer{}
		require.Equal(t, 1, w.tryAcquire(1))
		require.Zero(t, w.acquire(t.Context(), c, 1, time.Second))
		ended, end := context.WithCancel(t.Context())
		end()
		require.Zero(t, w.acquire(ended, c, 1, time.Hour))
		require.False(t, w.release(1, c))
		require.Equal(t, 1, w.tryAcquire(1))
	})
}
