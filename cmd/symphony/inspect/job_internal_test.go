package inspect

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A job without viewers is stopped, and the next viewer starts it again. One
// that is kept goes on.
func TestJobWithoutViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs, stopped atomic.Int64
		js := newJobs((&handler{}).paced)
		block := func(ctx context.Context) (int, error) {
			runs.Add(1)
			select {
			case <-ctx.Done():
				stopped.Add(1)
				return 0, ctx.Err()
			case <-time.After(10 * time.Minute):
				return 1, nil
			}
		}
		left, kept := work[int]{name: "left", run: block}, work[int]{name: "kept", keep: true, run: block}
		for range 60 { // while it is looked at, it runs
			require.True(t, ask(t.Context(), js, left).running)
			time.Sleep(2 * time.Second)
		}
		require.EqualValues(t, 1, runs.Load())
		require.True(t, ask(t.Context(), js, kept).running)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.EqualValues(t, 1, stopped.Load())
		require.NoError(t, look[int](js.job("left")).err)
		require.True(t, ask(t.Context(), js, left).running, "the next viewer starts it again")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.True(t, ask(t.Context(), js, kept).known)
		require.EqualValues(t, 2, stopped.Load())
		for range 1000 {
			ask(t.Context(), js, left)
			time.Sleep(time.Second)
		}
		require.True(t, ask(t.Context(), js, left).known)
		time.Sleep(jobTime)
	})
}

// A result is as old as twenty times the time it took, and an error does not
// replace it.
func TestJobRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, runs := newJobs((&handler{}).paced), 0 // each run ends before the next begins
		w := work[int]{name: "walk", wait: time.Minute, run: func(context.Context) (int, error) {
			time.Sleep(10 * time.Second)
			if runs++; runs == 2 {
				return 0, errors.New("the server is down")
			}
			return runs, nil
		}}
		o := ask(t.Context(), js, w)
		require.True(t, o.known)
		require.Equal(t, 1, o.value)
		require.Equal(t, 10*time.Second, o.took)
		time.Sleep(199 * time.Second)
		require.False(t, ask(t.Context(), js, w).running)
		time.Sleep(2 * time.Second)
		require.True(t, ask(t.Context(), js, w).running)
		time.Sleep(11 * time.Second)
		o = ask(t.Context(), js, w)
		require.ErrorContains(t, o.err, "the server is down")
		require.Equal(t, 1, o.value, "the last result stays")
		restart(js, w)
		time.Sleep(11 * time.Second)
		o = ask(t.Context(), js, w)
		require.NoError(t, o.err)
		require.Equal(t, 3, o.value)
	})
}

// The handler remembers a limited number of results.
func TestJobsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := newJobs((&handler{}).paced)
		for i := range 10 * keptJobs {
			w := work[int]{name: string(rune('a' + i)), run: func(context.Context) (int, error) { return i, nil }}
			require.Equal(t, i, ask(t.Context(), js, w).value)
			time.Sleep(time.Millisecond)
		}
		require.Len(t, js.byName, keptJobs)
		time.Sleep(time.Minute)
	})
}
