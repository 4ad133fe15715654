package alarm_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/alarm"
)

// The earliest time wins, also one that is set while the goroutine waits.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, begin := alarm.New(), time.Now()
		waited := func(deadline time.Duration) time.Duration {
			from := time.Now()
			a.Wait(t.Context(), from.Add(deadline))
			a.Clear()
			return time.Since(from)
		}
		require.Equal(t, time.Hour, waited(time.Hour))
		a.Set(time.Now().Add(time.Minute))
		a.Set(time.Now().Add(2 * time.Minute))
		require.Equal(t, time.Minute, waited(time.Hour))
		a.Set(time.Now().Add(time.Hour))
		require.Equal(t, time.Minute, waited(time.Minute))
		time.AfterFunc(time.Second, func() { a.Set(time.Now().Add(time.Second)) })
		require.Equal(t, 2*time.Second, waited(time.Hour))
		time.AfterFunc(time.Second, a.Signal)
		require.Equal(t, time.Second, waited(time.Hour))
		require.Equal(t, begin, a.Before(begin), "there is no time")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		from := time.Now()
		a.Wait(ctx, from.Add(time.Hour))
		require.Equal(t, time.Second, time.Since(from))
	})
}
