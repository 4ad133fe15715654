package symphony_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// listError is an error that cannot be compared with ==.
type listError []error

func (e listError) Error() string   { return e[0].Error() }
func (e listError) Unwrap() []error { return e }

// An error made with GiveUp makes dead letters at the first attempt, however it
// is wrapped, with its text as the reason. OnError receives the handler's own
// error.
func TestWorkGiveUp(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		cause := errors.New("no such address")
		for name, err := range map[string]error{
			"plain":          symphony.GiveUp(cause),
			"expiry":         expiry.GiveUp(cause),
			"joined":         errors.Join(symphony.GiveUp(cause)),
			"outermost":      symphony.GiveUp(symphony.RetryAfter(time.Hour, cause)),
			"not comparable": listError{symphony.GiveUp(cause)},
		} {
			t.Run(name, func(t *testing.T) {
				service := pooltest.UniqueTenant()
				q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
				b := enqueue(t, p, "one", q, 1, 2)
				reports := make(chan error, 10)
				stop := startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return err },
					symphony.WorkConfig{OnError: func(err *symphony.WorkError) { reports <- err.Err }, Backoff: func(_ int, err error) time.Duration {
						if errors.Is(err, cause) {
							t.Error("Backoff was called")
						}
						return 0
					}})
				require.Equal(t, err, <-reports)
				stop()
				dead := 0
				for letter, err := range b.Dead(ctx, q) {
					require.NoError(t, err)
					require.Equal(t, 1, letter.Attempt)
					require.Equal(t, "no such address", letter.Reason)
					dead++
				}
				require.Equal(t, 2, dead)
			})
		}
	})
}

// RetryAfter sets the time of the next attempt of the items that failed. Of a
// handler that did a part of its items, these are the others.
func TestWorkRetryAfter(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1, 2, 3)
		const delay = 40 * time.Minute
		busy := errors.New("busy")
		reports := make(chan error, 10)
		before := time.Now().UnixMilli()
		stop := startWorkers(t, p, service, func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
			return listrepo.Undone(symphony.RetryAfter(delay, busy), items[1])
		}, symphony.WorkConfig{OnError: func(err *symphony.WorkError) { reports <- err.Err }, Backoff: func(_ int, err error) time.Duration {
			if errors.Is(err, busy) {
				t.Error("Backoff was called")
			}
			return 0
		}})
		require.ErrorIs(t, <-reports, busy)
		requireNextAttempt(t, p, q, before, delay)
		n, err := b.Enqueue(ctx, q, 4)
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "the delayed item is not in the list")
		stop()
	})
}

// An error that decides nothing delays the items that failed by Backoff, which
// receives their highest attempt and the handler's error. Other items do not
// wait.
func TestWorkBackoffOfItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1, 2)
		c, err := b.Claim(ctx, q, 1, time.Minute)
		require.NoError(t, err)
		require.NoError(t, c.Release(ctx))
		const delay = 50 * time.Minute
		type call struct {
			attempt int
			err     error
		}
		calls, reports := make(chan call, 10), make(chan error, 10)
		failed := errors.New("failed")
		var undone error
		var h callRecorder
		var once sync.Once
		before := time.Now().UnixMilli()
		stop := startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) (result error) {
			h.add(tenant, q, items)
			once.Do(func() {
				undone = listrepo.Undone(failed, items[1]) // the first item has an attempt more
				result = undone
			})
			return result
		}, symphony.WorkConfig{OnError: func(err *symphony.WorkError) { reports <- err.Err }, Backoff: func(attempt int, err error) time.Duration {
			if errors.Is(err, failed) { // and not the end of the context
				calls <- call{attempt, err}
			}
			return delay
		}})
		require.Equal(t, undone, <-reports)
		require.Equal(t, call{1, undone}, <-calls)
		requireNextAttempt(t, p, q, before, delay)
		enqueue(t, p, "one", q, 3)
		requireEventually(t, func() bool { return len(h.all()) == 2 })
		stop()
		require.Equal(t, []string{"one e a 1 2", "one e a 3"}, h.all())
	})
}

// requireNextAttempt requires that one item of a queue of the tenant "one" is
// delayed, since a time after before.
func requireNextAttempt(t *testing.T, p *pool.Pools, q symphony.Queue, before int64, delay time.Duration) {
	t.Helper()
	delayed := keyspace.Beside("delayed", p.Prefix(pool.Handlers)+queueKey(t, p, "one", q.Service, q.Entity, q.Action))
	scores, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", delayed, "0", "-1", "WITHSCORES").AsZScores()
	require.NoError(t, err)
	require.Len(t, scores, 1)
	require.GreaterOrEqual(t, int64(scores[0].Score), before+delay.Milliseconds())
	require.LessOrEqual(t, int64(scores[0].Score), time.Now().UnixMilli()+delay.Milliseconds()+1)
}

// An error whose methods panic is a panic of the handler.
func TestWorkBrokenError(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	enqueue(t, p, "one", symphony.Queue{Service: service, Entity: "e", Action: "a"}, 1)
	reports := make(chan error, 10)
	startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error {
		var none *symphony.WorkError
		return none
	}, symphony.WorkConfig{OnError: func(err *symphony.WorkError) { reports <- err.Err }})
	var panicked *symphony.PanicError
	require.ErrorAs(t, <-reports, &panicked)
}
