package expiry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// restartableServer returns a server that keeps everything it acknowledged, and
// pools on it.
func restartableServer(t *testing.T) (*redistest.Instance, *pool.Pools) {
	t.Helper()
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	return server, pooltest.Redis(t, pool.Config{URL: server.URL()})
}

func TestStoppingLetsHandlersFinish(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		begun, finish := make(chan struct{}), make(chan struct{})
		l := f.listener(expiry.Config{StopTimeout: time.Minute}, handlers{"x": func(c context.Context, e expiry.Event) error {
			close(begun)
			<-finish
			if c.Err() != nil {
				return c.Err()
			}
			return f.record(c, e)
		}})
		running, cancel := context.WithCancel(ctx)
		result := make(chan error)
		go func() { result <- l.Run(running) }()
		require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
		<-begun
		cancel()
		select {
		case err := <-result:
			t.Fatalf("Run returned %v while a handler was running", err)
		case <-time.After(20 * time.Millisecond):
		}
		close(finish)
		require.NoError(t, <-result)
		require.Len(t, f.events(), 1)
		require.EqualValues(t, 1, l.Stats().Succeeded)
		require.Zero(t, f.redisInt("EXISTS", f.scheduleKey("active", "x", "1")))
	})
}

// Firings that are not done after StopTimeout are redelivered to another
// listener at once, however long the lease is, and no failure is counted.
func TestStoppingReleasesUnfinishedWork(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, handler := range map[string]func(c context.Context, forever <-chan struct{}) error{
			"obeys":   func(c context.Context, _ <-chan struct{}) error { <-c.Done(); return c.Err() },
			"ignores": func(_ context.Context, forever <-chan struct{}) error { <-forever; return nil },
		} {
			t.Run(name, func(t *testing.T) {
				e := eventAfterStop(t, p, name, handler)
				for try := 1; e.ExpiredLeases > 0 && try < 5; try++ { // the machine may have been too busy to release it
					e = eventAfterStop(t, p, name, handler)
				}
				require.Equal(t, 2, e.Attempt)
				require.Zero(t, e.Failures)
				require.Zero(t, e.ExpiredLeases)
			})
		}
	})
}

// eventAfterStop stops a listener whose handler is running, and returns the
// event that the next listener receives.
func eventAfterStop(t *testing.T, p *pool.Pools, action string, handler func(c context.Context, forever <-chan struct{}) error) expiry.Event {
	t.Helper()
	f := newFixture(t, p)
	begun, forever := make(chan struct{}), make(chan struct{})
	defer close(forever)
	_, stop := f.listen(expiry.Config{StopTimeout: 50 * time.Millisecond, Lease: 5 * time.Second}, handlers{action: func(c context.Context, _ expiry.Event) error {
		close(begun)
		return handler(c, forever)
	}})
	require.NoError(t, f.schedule().Set(ctx, action, "1", time.Millisecond))
	<-begun
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 20*time.Second, "stopping took too long")
	_, stop = f.listen(expiry.Config{}, handlers{action: f.record})
	defer stop()
	f.eventually(func() bool { return len(f.events()) == 1 })
	return f.events()[0]
}

// A listener stops in time although the server is dead.
func TestStoppingWithoutAServer(t *testing.T) {
	server, p := restartableServer(t)
	f := newFixture(t, p)
	begun := make(chan struct{})
	_, stop := f.listen(expiry.Config{StopTimeout: 50 * time.Millisecond}, handlers{"x": func(c context.Context, _ expiry.Event) error {
		close(begun)
		<-c.Done()
		return nil
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
	<-begun
	server.Kill()
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 20*time.Second)
}

// If its context has ended already, Run returns nil.
func TestRunWithEndedContext(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.NoError(t, f.listener(expiry.Config{}, handlers{"x": f.record}).Run(ended))
}
