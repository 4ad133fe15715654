package worker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/worker"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

func TestMain(m *testing.M) { pooltest.Main(m) }

// fleet is a service with one process.
type fleet struct {
	p       *pool.Pools
	service string
	set     *pending.Set
}

func newFleet(t *testing.T, p *pool.Pools) *fleet {
	t.Helper()
	f := &fleet{p: p, service: pooltest.UniqueTenant()}
	space, err := p.Layout().PendingSet.Bind()
	require.NoError(t, err)
	s, err := store.New(p, pool.Handlers, space, store.Spec{Kind: store.Set, Traits: option.Queues})
	require.NoError(t, err)
	f.set = pending.New(s, f.service, p.Layout().BatchList)
	return f
}

// queue returns the repository of a queue.
func (f *fleet) queue(t *testing.T, q pending.Queue) *listrepo.ListRepo[int] {
	t.Helper()
	space, err := f.p.Layout().BatchList.Bind(q.Tenant, f.service, q.Entity)
	require.NoError(t, err)
	repo, err := listrepo.New[int](f.p, pool.Handlers, space)
	require.NoError(t, err)
	set, err := f.p.Layout().PendingSet.Key(f.service)
	require.NoError(t, err)
	member, err := q.Member()
	require.NoError(t, err)
	return repo.Marked(listrepo.Marks{Set: set, Member: q.Tenant, Queue: member})
}

func (f *fleet) push(t *testing.T, q pending.Queue, items ...int) {
	t.Helper()
	_, err := f.queue(t, q).Push(t.Context(), q.Action, items...)
	require.NoError(t, err)
}

// run runs workers until the test ends. done gets each item that was handled.
func (f *fleet) run(t *testing.T, longestWait time.Duration) (done <-chan int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	items := make(chan int, 1000)
	var ended sync.WaitGroup
	ended.Go(func() {
		err := worker.Run(ctx, f.set, worker.Config{
			Op: "Test", Workers: 2, StopTimeout: time.Second, LongestWait: longestWait,
			Backoff: func(int, error) time.Duration { return time.Millisecond },
			Report:  func(_ pending.Queue, err error) { t.Error(err) },
			Handle: func(ctx context.Context, q pending.Queue) worker.Result {
				n, err := f.queue(t, q).Process(ctx, q.Action, 10, func(_ context.Context, claimed []listrepo.Item[int]) error {
					for _, item := range claimed {
						items <- item.Value
					}
					return nil
				})
				outcome := worker.Empty
				if n > 0 {
					outcome = worker.Handled
				}
				return worker.Result{Outcome: outcome, Err: err}
			},
		})
		require.NoError(t, err)
	})
	t.Cleanup(func() {
		stop()
		ended.Wait()
	})
	return items
}

// Idle workers are woken by a push. They look once an hour by themselves.
func TestPushWakesWorkers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFleet(t, p)
		done := f.run(t, time.Hour)
		for i := range 20 {
			f.push(t, pending.Queue{Tenant: fmt.Sprint("tenant:", i%3), Entity: "e", Action: "a"}, i)
			select {
			case value := <-done:
				require.Equal(t, i, value)
			case <-time.After(20 * time.Second):
				t.Fatal("the workers were not woken")
			}
		}
	})
}
