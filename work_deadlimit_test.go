package symphony_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// warnings is a handler of a logger that keeps the messages.
type warnings struct {
	mu   sync.Mutex
	text []string
}

func (w *warnings) Enabled(context.Context, slog.Level) bool { return true }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *warnings) WithGroup(string) slog.Handler            { return w }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, r.Message)
	return nil
}

func (w *warnings) count(part string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.text {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}

// WorkBatches keeps the last dead letters of each queue, and its logger says
// how many were removed.
func TestWorkWithDeadLimit(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "acme", q, 1, 2, 3, 4, 5)
		log := &warnings{}
		stop := startWorkers(t, p, service, func(_ context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[int]) error {
			return symphony.GiveUp(errors.New("broken"))
		}, symphony.WorkConfig{
			Workers: 1, ChunkSize: 1, DeadLimit: 2, Logger: slog.New(log), OnError: func(*symphony.WorkError) {},
		})
		requireEventually(t, func() bool {
			n, err := b.Backlog(ctx, q)
			return err == nil && n.Waiting+n.Claimed == 0 && log.count("dead letters were removed") == 3
		})
		stop()
		require.EqualValues(t, 3, p.Stats()[pool.Handlers].DeadRemoved)
		var dead []int
		for d, err := range b.Dead(ctx, q) {
			require.NoError(t, err)
			dead = append(dead, d.Value)
		}
		require.ElementsMatch(t, []int{4, 5}, dead)
	})
}

// WorkBatches removes the dead letters of each queue that are too old.
func TestWorkWithDeadFor(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "acme", q, 1)
		dead := keyspace.Beside("dead", p.Prefix(pool.Handlers)+"acme:batch:"+service+":e:a")
		old := strconv.FormatInt(time.Now().Add(-2*time.Hour).UnixMilli(), 10)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", dead, "1-a-1", old+" 1 3 bad7", "1-a-2", old+" 1 3 bad8").Error())
		log := &warnings{}
		stop := startWorkers(t, p, service, func(_ context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[int]) error {
			return symphony.GiveUp(errors.New("broken"))
		}, symphony.WorkConfig{DeadFor: time.Hour, Logger: slog.New(log), OnError: func(*symphony.WorkError) {}})
		requireEventually(t, func() bool { return log.count("dead letters were removed") == 1 })
		stop()
		require.EqualValues(t, 2, p.Stats()[pool.Handlers].DeadRemoved)
		var left []int
		for d, err := range b.Dead(ctx, q) {
			require.NoError(t, err)
			left = append(left, d.Value)
		}
		require.Equal(t, []int{1}, left)
	})
}

func TestWorkConfigDeadFor(t *testing.T) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	none := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	for d, want := range map[time.Duration]string{
		-time.Second:           "-1s is negative; use 0 to keep dead letters for ever",
		500 * time.Microsecond: "500µs is under a millisecond; use 0 to keep dead letters for ever",
	} {
		err := symphony.WorkBatches(ended, pooltest.Embedded(t), "s", none, symphony.WorkConfig{DeadFor: d})
		require.ErrorIs(t, err, symphony.ErrInvalidArgument)
		require.EqualError(t, err, "symphony.WorkConfig.DeadFor: "+want)
	}
}
