package systemtest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
)

// While there is garbage in a key of a queue or of an action, the workers
// handle the queues of another service, and a listener the other actions.
func TestWorkersGoOnBesideGarbage(t *testing.T) {
	pooltest.Long(t)
	checkWorkersBesideGarbage(t, 12)
}

func TestSoakWorkersGoOnBesideGarbage(t *testing.T) {
	requireSoak(t)
	checkWorkersBesideGarbage(t, 1)
}

// checkWorkersBesideGarbage tries one of so many inputs of each key.
func checkWorkersBesideGarbage(t *testing.T, share int) {
	t.Helper()
	w := newGarbageWorld(t)
	running, stop := context.WithCancel(ctx)
	handled, fired := make(chan string, 100), make(chan string, 100)
	ended := make(chan error, 3)
	quiet := slog.New(slog.DiscardHandler)
	for _, service := range []string{"chat", "healthy"} {
		go func() {
			ended <- symphony.WorkBatches(running, w.p, service, func(_ context.Context, _ string, q symphony.Queue, items []listrepo.Item[string]) error {
				if q.Service == "healthy" {
					handled <- items[0].Value
				}
				return nil
			}, symphony.WorkConfig{OnError: func(*symphony.WorkError) {}, Logger: quiet, ChunkSize: 1, PerTenant: 2})
		}()
	}
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("remind", func(context.Context, expiry.Event) error { return nil }))
	require.NoError(t, registry.On("healthy", func(_ context.Context, e expiry.Event) error { fired <- e.ID; return nil }))
	l, err := expiry.NewListener(w.p, registry, expiry.Config{Logger: quiet, PerTenant: 2})
	require.NoError(t, err)
	go func() { ended <- l.Run(running) }()

	b, err := symphony.NewBatch[string](w.p, "healthy")
	require.NoError(t, err)
	tr, err := symphony.NewTrigger(w.p, "healthy")
	require.NoError(t, err)
	healthy := symphony.Queue{Service: "healthy", Entity: "e", Action: "a"}
	inputs := 0
	for i, key := range w.keys {
		if !strings.Contains(key, ":batch:") && !strings.Contains(key, "pending_batches") && !strings.Contains(key, "%exp") && !strings.Contains(key, "EXPTRIGGER") {
			continue
		}
		for j, c := range corruptions(w.stored[key]) {
			if (i+j)%share != 0 {
				continue
			}
			inputs++
			name := key + ": " + c.name
			w.restore(t)
			w.corrupt(t, key, c)
			require.NoError(t, errorOf(b.Enqueue(ctx, healthy, name)), name)
			require.NoError(t, tr.Set(ctx, "healthy", name, 0), name)
			requireReceived(t, handled, name)
			requireReceived(t, fired, name)
		}
	}
	stop()
	for range 3 {
		require.NoError(t, <-ended)
	}
	t.Logf("%d inputs", inputs)
}

// requireReceived waits for a value, and ignores others.
func requireReceived(t *testing.T, values <-chan string, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case got := <-values:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("the work beside the garbage was not done: %s", want)
		}
	}
}
