package listrepo_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Backlog returns the time from which the next claim finds items, whatever
// holds them until then.
func TestBacklogReady(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, test := range []struct {
			name string
			opts []listrepo.Option
			do   func(t *testing.T, r *listrepo.ListRepo[int])
			in   time.Duration
		}{
			{"items wait", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				mustClaim(t, r, 1, time.Hour)
			}, 0},
			{"all are in flight", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				mustClaim(t, r, 1, 2*time.Hour)
				mustClaim(t, r, 1, time.Hour)
			}, time.Hour},
			{"items were released", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 2, time.Hour).Release(ctx))
			}, 0},
			{"all are delayed", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Fail(ctx, retry.After(3*time.Hour, io.EOF)))
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Fail(ctx, retry.After(2*time.Hour, io.EOF)))
			}, 2 * time.Hour},
			{"some are delayed, others in flight", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Fail(ctx, retry.After(3*time.Hour, io.EOF)))
				mustClaim(t, r, 1, time.Hour)
			}, time.Hour},
			{"some are delayed, others wait", nil, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Fail(ctx, retry.After(time.Hour, io.EOF)))
			}, 0},
			{"a serial queue", []listrepo.Option{listrepo.Serial()}, func(*testing.T, *listrepo.ListRepo[int]) {}, 0},
			{"a serial queue with a claim", []listrepo.Option{listrepo.Serial()}, func(t *testing.T, r *listrepo.ListRepo[int]) {
				mustClaim(t, r, 1, time.Hour)
			}, time.Hour},
			{"a serial queue after a failure", []listrepo.Option{listrepo.Serial()}, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Fail(ctx, retry.After(2*time.Hour, io.EOF)))
			}, 2 * time.Hour},
			{"a serial queue after an ack", []listrepo.Option{listrepo.Serial()}, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, mustClaim(t, r, 1, time.Hour).Ack(ctx))
			}, 0},
			{"a quiet queue", []listrepo.Option{listrepo.Quiet(time.Hour, 3*time.Hour)}, func(*testing.T, *listrepo.ListRepo[int]) {}, time.Hour},
			{"a quiet queue that is put off", []listrepo.Option{listrepo.Quiet(time.Hour, 3*time.Hour)}, func(t *testing.T, r *listrepo.ListRepo[int]) {
				require.NoError(t, r.With(listrepo.Quiet(4*time.Hour, 5*time.Hour)).PutOff(ctx, "q"))
			}, 4 * time.Hour},
		} {
			t.Run(test.name, func(t *testing.T) {
				repo, _ := newRepo[int](t, p, test.opts...)
				ready := func() time.Time {
					b, err := repo.Backlog(ctx, "q")
					require.NoError(t, err)
					return b.Ready
				}
				require.Zero(t, ready())
				_, err := repo.Push(ctx, "q", 1, 2)
				require.NoError(t, err)
				test.do(t, repo)
				require.WithinDuration(t, time.Now().Add(test.in), ready(), time.Minute)
			})
		}
	})
}

// A queue that has only dead letters hands out nothing.
func TestBacklogReadyOfDeadLetters(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		require.NoError(t, mustClaim(t, repo, 1, time.Hour).Fail(ctx, retry.GiveUp(io.EOF)))
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.Equal(t, listrepo.Backlog{Dead: 1}, b)
	})
}
