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

// restartable is a server that keeps everything it acknowledged, and pools on it.
func restartable(t *testing.T) (*redistest.Instance, *pool.Pools) {
	t.Helper()
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	return server, pooltest.Redis(t, pool.Config{URL: server.URL()})
}

func TestStoppingLetsHandlersFinish(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		begun, finish := make(chan struct{}), make(chan struct{})
		l := w.listener(expiry.Config{StopTimeout: time.Minute}, handlers{"x": func(c context.Context, e expiry.Event) error {
			close(begun)
			<-finish
			if c.Err() != nil {
				return c.Err()
			}
			return w.note(c, e)
		}})
		running, cancel := context.WithCancel(ctx)
		result := make(chan error)
		go func() { result <- l.Run(running) }()
		require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
		<-begun
		cancel()
		select {
		case err := <-result:
			t.Fatalf("Run returned %v while a handler was at work", err)
		case <-time.After(20 * time.Millisecond):
		}
		close(finish)
		require.NoError(t, <-result)
		require.Len(t, w.ran(), 1)
		require.EqualValues(t, 1, l.Stats().Succeeded)
		require.Zero(t, w.number("EXISTS", "%exp:active:x"))
	})
}

// What is not done when StopTimeout has passed is another listener's at once,
// however long the lease is, and is no failure.
func TestStoppingReleasesTheRest(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, handler := range map[string]func(c context.Context, forever <-chan struct{}) error{
			"obeys":   func(c context.Context, _ <-chan struct{}) error { <-c.Done(); return c.Err() },
			"ignores": func(_ context.Context, forever <-chan struct{}) error { <-forever; return nil },
		} {
			t.Run(name, func(t *testing.T) {
				e := releasedByStop(t, p, name, handler)
				for try := 1; e.Lapses > 0 && try < 5; try++ { // on a machine that stood still for all the time that a stop has
					e = releasedByStop(t, p, name, handler)
				}
				require.Equal(t, 2, e.Attempt)
				require.Zero(t, e.Failures)
				require.Zero(t, e.Lapses)
			})
		}
	})
}

// releasedByStop stops a listener whose handler is at work, and gives what the
// next listener gets.
func releasedByStop(t *testing.T, p *pool.Pools, action string, handler func(c context.Context, forever <-chan struct{}) error) expiry.Event {
	t.Helper()
	w := newWorld(t, p)
	begun, forever := make(chan struct{}), make(chan struct{})
	defer close(forever)
	_, stop := w.listen(expiry.Config{StopTimeout: 50 * time.Millisecond, Lease: 5 * time.Second}, handlers{action: func(c context.Context, _ expiry.Event) error {
		close(begun)
		return handler(c, forever)
	}})
	require.NoError(t, w.schedule().Set(ctx, action, "1", time.Millisecond))
	<-begun
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 20*time.Second, "the stop has a bound")
	_, stop = w.listen(expiry.Config{}, handlers{action: w.note})
	defer stop()
	w.eventually(func() bool { return len(w.ran()) == 1 })
	return w.ran()[0]
}

// A listener stops within its bound although the server is gone.
func TestStoppingWithoutAServer(t *testing.T) {
	server, p := restartable(t)
	w := newWorld(t, p)
	begun := make(chan struct{})
	_, stop := w.listen(expiry.Config{StopTimeout: 50 * time.Millisecond}, handlers{"x": func(c context.Context, _ expiry.Event) error {
		close(begun)
		<-c.Done()
		return nil
	}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
	<-begun
	server.Kill()
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 20*time.Second)
}

// A context that has ended before Run is no mistake.
func TestAnEndedContextStopsRunAtOnce(t *testing.T) {
	w := newWorld(t, pooltest.Embedded(t))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.NoError(t, w.listener(expiry.Config{}, handlers{"x": w.note}).Run(ended))
}
