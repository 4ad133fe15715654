package pool_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// startRefusing starts a server that temporarily refuses commands. The function
// end makes it accept them.
type startRefusing func(t *testing.T) (s *redistest.Instance, end func())

// noRetryClient returns a client that does not retry commands.
func noRetryClient(t *testing.T, s *redistest.Instance) rueidis.Client {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, DisableCache: true, DisableRetry: true, ForceSingleClient: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// waitForError waits until the server refuses a command with an error that
// begins with prefix.
func waitForError(t *testing.T, c rueidis.Client, prefix string) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		err = c.Do(context.Background(), c.B().Get().Key("x").Build()).Error()
		return err != nil && strings.HasPrefix(err.Error(), prefix)
	}, 30*time.Second, time.Millisecond, "%v", err)
}

func startLoading(t *testing.T) (*redistest.Instance, func()) {
	s := redistest.Server(t, "enable-debug-command yes", "loading-process-events-interval-bytes 1024")
	c, slow := s.Client(t, 0), s.Client(t, 0)
	mustDo(t, c, "DEBUG", "POPULATE", "10000", "k", "2000")
	mustDo(t, c, "CONFIG", "SET", "rdbcompression", "no", "key-load-delay", "10000")
	ask := noRetryClient(t, s)
	go func() { _ = slow.Do(context.Background(), slow.B().Arbitrary("DEBUG", "RELOAD").Build()).Error() }()
	waitForError(t, ask, "LOADING")
	return s, func() { mustDo(t, ask, "CONFIG", "SET", "key-load-delay", "0") }
}

func startMasterDown(t *testing.T) (*redistest.Instance, func()) {
	host, port, _ := strings.Cut(freeAddr(t), ":")
	s := redistest.Server(t)
	c := noRetryClient(t, s)
	mustDo(t, c, "CONFIG", "SET", "replica-serve-stale-data", "no")
	mustDo(t, c, "REPLICAOF", host, port)
	waitForError(t, c, "MASTERDOWN")
	return s, func() { mustDo(t, c, "REPLICAOF", "NO", "ONE") }
}

func startBusy(t *testing.T) (*redistest.Instance, func()) {
	s := redistest.Server(t, "busy-reply-threshold 1")
	c, slow := noRetryClient(t, s), s.Client(t, 0)
	go func() {
		_ = slow.Do(context.Background(), slow.B().Eval().Script("while true do end").Numkeys(0).Build()).Error()
	}()
	waitForError(t, c, "BUSY")
	return s, func() { mustDo(t, c, "SCRIPT", "KILL") }
}

// A service may start before its server has loaded its data, so Open retries if
// a server temporarily refuses commands.
func TestOpenRetriesTemporaryRefusals(t *testing.T) {
	for word, start := range map[string]startRefusing{"LOADING": startLoading, "MASTERDOWN": startMasterDown, "BUSY": startBusy} {
		t.Run(word, func(t *testing.T) {
			s, end := start(t)
			var log lockedBuffer
			type result struct {
				pools *pool.Pools
				err   error
			}
			opened := make(chan result, 1)
			go func() {
				pools, err := pool.Open(withTimeout(t), pool.Config{URL: s.URL(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
				opened <- result{pools, err}
			}()
			require.Eventually(t, func() bool { return strings.Contains(log.String(), word) || len(opened) > 0 }, 30*time.Second, time.Millisecond)
			require.Empty(t, opened)
			end()
			r := <-opened
			require.NoError(t, r.err)
			defer r.pools.Close()
			require.NoError(t, r.pools.Ping(withTimeout(t)))
			require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			require.NotNil(t, nearcache.RealmOf(r.pools, string(pool.User)))
			c, err := r.pools.Client(pool.User)
			require.NoError(t, err)
			info, err := c.Do(withTimeout(t), c.B().Arbitrary("CLIENT", "TRACKINGINFO").Build()).AsMap()
			require.NoError(t, err)
			flags := info["flags"]
			list, err := flags.AsStrSlice()
			require.NoError(t, err)
			require.Contains(t, list, "on", "client-side caching works after the server has temporarily refused CLIENT TRACKING")
		})
	}
}

// lockedBuffer is a buffer for a log that another goroutine reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *lockedBuffer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(b)
}

func (w *lockedBuffer) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func TestOpenRetriesUntilItsDeadline(t *testing.T) {
	s, end := startLoading(t)
	defer end()
	quiet := slog.New(slog.DiscardHandler)
	for name, open := range map[string]func() (*pool.Pools, error){
		"context": func() (*pool.Pools, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			return pool.Open(ctx, pool.Config{URL: s.URL(), Logger: quiet})
		},
		"Timeout": func() (*pool.Pools, error) {
			return pool.Open(context.Background(), pool.Config{URL: s.URL(), Logger: quiet, Timeout: 3 * time.Second})
		},
	} {
		_, err := open()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.ErrorContains(t, err, "LOADING", "%s: the error contains the refusal", name)
		require.Len(t, split[*pool.ConnectError](t, err), len(predefined))
	}
}

// Open returns other errors at once, even if its deadline is far away.
func TestOpenDoesNotRetryOtherErrors(t *testing.T) {
	s := redistest.Server(t, "requirepass hunter2", "databases 8", "user joe on >joe ~* &* +@all -ping", "user ann on >ann ~* &* +@all -select")
	for url, word := range map[string]string{
		"redis://:wrong@" + s.Addr():                     "WRONGPASS",
		"redis://" + s.Addr():                            "NOAUTH",
		"redis://:hunter2@" + s.Addr():                   "DB index is out of range",
		"redis://joe:joe@" + s.Addr():                    "NOPERM",
		"redis://ann:ann@" + s.Addr() + "/?db=3":         "NOPERM",
		"redis://" + freeAddr(t):                         "connection refused",
		"redis://:hunter2@" + s.Addr() + "?addr=[::1]:1": "not in a cluster",
	} {
		_, err := pool.Open(context.Background(), pool.Config{URL: url, Timeout: time.Hour, Logger: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, err, word)
	}
}
