package expiry_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Whatever a server forbids a user beside keys and scripts, its triggers fire.
func TestFewRightsAreEnough(t *testing.T) {
	for name, c := range map[string]struct {
		acl   string
		query string
	}{
		"no channels":      {acl: "user default on nopass ~* resetchannels +@all -config"},
		"wake-ups alone":   {acl: "user default on nopass ~* resetchannels &%exp:wake:* +@all -config"},
		"no subscriptions": {acl: "user default on nopass ~* &* +@all -config -subscribe -client|info"},
		"no CONFIG SET":    {acl: "user default on nopass ~* &* +@all -config|set"},
		"RESP2":            {acl: "user default on nopass ~* &* +@all", query: "?protocol=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Server(t, c.acl)
			w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL() + c.query}))
			w.listen(expiry.Config{}, handlers{"x": w.note})
			w.settled("x")
			for i := range 20 {
				require.NoError(t, w.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Duration(i)*10*time.Millisecond+1))
			}
			w.eventually(func() bool { return len(w.ids()) >= 20 })
			w.settled("x")
			require.Len(t, w.ids(), 20)
		})
	}
}

// When memory is full nothing more can be set, but what was set is done, retried
// and not lost: only that makes room again.
func TestAFullServerDoesItsWork(t *testing.T) {
	server := redistest.Server(t, "maxmemory-policy noeviction")
	w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	const lease = 300 * time.Millisecond
	begun, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	l, _ := w.listen(expiry.Config{Lease: lease, Backoff: func(int, error) time.Duration { return 3 * lease }}, handlers{
		"long": func(c context.Context, _ expiry.Event) error {
			close(begun)
			select {
			case <-finish:
			case <-c.Done():
			}
			ended <- context.Cause(c)
			return nil
		},
		"x": func(c context.Context, e expiry.Event) error {
			_ = w.note(c, e)
			if e.Attempt == 1 {
				return errors.New("try again")
			}
			return nil
		},
	})
	require.NoError(t, w.schedule().Set(ctx, "long", "1", time.Millisecond))
	<-begun
	require.NoError(t, w.schedule().SetPayload(ctx, "x", "1", "kept", lease))
	w.do("CONFIG", "SET", "maxmemory", "1")
	err := w.schedule().Set(ctx, "x", "2", time.Millisecond)
	require.ErrorContains(t, err, "OOM")
	var op *expiry.OpError
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied())
	w.eventually(func() bool { return l.Stats().Succeeded == 1 })
	require.Equal(t, []string{"1", "1"}, w.ids())
	close(finish)
	require.NoError(t, <-ended, "a heartbeat was refused")
	w.eventually(func() bool { return l.Stats().Succeeded == 2 })
}

// Who runs a server that drops keys reads so in the log, and nobody else does.
func TestAServerThatEvictsIsWarnedOf(t *testing.T) {
	for policy, warned := range map[string]bool{"noeviction": false, "volatile-lru": true, "allkeys-random": true} {
		server := redistest.Server(t, "maxmemory-policy "+policy)
		w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
		log := new(buffer)
		_, stop := w.listen(expiry.Config{Logger: slog.New(slog.NewTextHandler(log, nil))}, handlers{"x": w.note})
		w.settled("x")
		stop()
		require.Equal(t, warned, strings.Contains(log.String(), "policy="+policy), log.String())
	}
}

// A trigger whose key may not be read waits until it may: that is no sign that
// somebody took it back.
func TestAKeyThatMayNotBeReadIsNotDeleted(t *testing.T) {
	server := redistest.Server(t, "user setter on nopass ~* &* +@all", "user default on nopass ~%exp:* &* +@all")
	w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	setter := newWorld(t, pooltest.Redis(t, pool.Config{URL: strings.Replace(server.URL(), "//", "//setter:any@", 1)}))
	require.NoError(t, setter.schedule().Set(ctx, "x", "1", time.Millisecond))
	l, _ := w.listen(expiry.Config{}, handlers{"x": w.note})
	w.eventually(func() bool { return l.Stats().Errors > 1 })
	require.Empty(t, w.ran())
	setter.do("ACL", "SETUSER", "default", "~*")
	w.eventually(func() bool { return len(w.ran()) == 1 })
	require.Zero(t, l.Stats().Cancelled)
}

// Events that somebody else turned on stay on.
func TestEventsAreAddedToThoseThatAreOn(t *testing.T) {
	for before, after := range map[string]string{"": "gxE", "Kl": "glxKE", "KEA": "AKE", "Eg": "gxE", "Ksx": "gsxKE"} {
		t.Run(before, func(t *testing.T) {
			server := redistest.Server(t, `notify-keyspace-events "`+before+`"`)
			w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
			w.listen(expiry.Config{}, handlers{"x": w.note})
			w.eventually(func() bool {
				flags, err := pooltest.Do(t, w.pools, pool.Expiry, "CONFIG", "GET", "notify-keyspace-events").AsStrMap()
				require.NoError(t, err)
				return sorted(flags["notify-keyspace-events"]) == sorted(after)
			})
		})
	}
}

func sorted(flags string) string {
	all := []byte(flags)
	slices.Sort(all)
	return string(slices.Compact(all))
}
