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

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// With permissions for keys and scripts alone, triggers fire.
func TestMinimalPermissions(t *testing.T) {
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
			f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL() + c.query}))
			f.listen(expiry.Config{}, handlers{"x": f.record})
			f.waitForSentinel("x")
			for i := range 20 {
				require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Duration(i)*10*time.Millisecond))
			}
			f.eventually(func() bool { return len(f.ids()) >= 20 })
			f.waitForSentinel("x")
			require.Len(t, f.ids(), 20)
		})
	}
}

// If memory is full, Set fails. Triggers that exist are processed and retried,
// which makes room again.
func TestFullMemory(t *testing.T) {
	server := redistest.Server(t, "maxmemory-policy noeviction")
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	begun, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	l, _ := f.listen(expiry.Config{Lease: 6 * time.Second, Backoff: func(int, error) time.Duration { return time.Millisecond }}, handlers{
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
			_ = f.record(c, e)
			if e.Attempt == 1 {
				return errors.New("try again")
			}
			return nil
		},
	})
	require.NoError(t, f.schedule().Set(ctx, "long", "1", time.Millisecond))
	<-begun
	require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", "kept", 300*time.Millisecond))
	f.redis("CONFIG", "SET", "maxmemory", "1")
	leases := func() []rueidis.ZScore {
		all, err := f.send("ZRANGE", f.scheduleKey("active", "long", "1"), "0", "-1", "WITHSCORES").AsZScores()
		require.NoError(t, err)
		return all
	}
	before := leases()
	err := f.schedule().Set(ctx, "x", "2", time.Millisecond)
	require.ErrorContains(t, err, "OOM")
	var op *expiry.OpError
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied())
	f.eventually(func() bool { return l.Stats().Succeeded == 1 })
	require.Equal(t, []string{"1", "1"}, f.ids())
	f.eventually(func() bool { return !slices.Equal(before, leases()) }) // it is renewed
	close(finish)
	require.NoError(t, <-ended, "a renewal was refused")
	f.eventually(func() bool { return l.Stats().Succeeded == 2 })
}

// If a server may evict keys, the listener logs a warning.
func TestWarningAboutEviction(t *testing.T) {
	for policy, warned := range map[string]bool{"noeviction": false, "volatile-lru": true, "allkeys-random": true} {
		server := redistest.Server(t, "maxmemory-policy "+policy)
		f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
		log := new(logBuffer)
		_, stop := f.listen(expiry.Config{Logger: slog.New(slog.NewTextHandler(log, nil))}, handlers{"x": f.record})
		f.waitForSentinel("x")
		stop()
		require.Equal(t, warned, strings.Contains(log.String(), "policy="+policy), log.String())
	}
}

// A trigger whose key cannot be read for lack of permission waits. It is not
// mistaken for a deleted one.
func TestUnreadableKeyIsNotDeleted(t *testing.T) {
	server := redistest.Server(t, "user setter on nopass ~* &* +@all", "user default on nopass ~%exp:* &* +@all")
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	setter := newFixture(t, pooltest.Redis(t, pool.Config{URL: strings.Replace(server.URL(), "//", "//setter:any@", 1)}))
	require.NoError(t, setter.schedule().Set(ctx, "x", "1", time.Millisecond))
	l, _ := f.listen(expiry.Config{}, handlers{"x": f.record})
	f.eventually(func() bool { return l.Stats().Errors > 1 })
	require.Empty(t, f.events())
	setter.redis("ACL", "SETUSER", "default", "~*")
	f.eventually(func() bool { return len(f.events()) == 1 })
	require.Zero(t, l.Stats().Cancelled)
}

// Events that were on before stay on.
func TestEventsAreAddedToThoseThatAreOn(t *testing.T) {
	for before, after := range map[string]string{"": "gxE", "Kl": "glxKE", "KEA": "AKE", "Eg": "gxE", "Ksx": "gsxKE"} {
		t.Run(before, func(t *testing.T) {
			server := redistest.Server(t, `notify-keyspace-events "`+before+`"`)
			f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
			f.listen(expiry.Config{}, handlers{"x": f.record})
			f.eventually(func() bool {
				flags, err := pooltest.Do(t, f.pools, pool.Expiry, "CONFIG", "GET", "notify-keyspace-events").AsStrMap()
				require.NoError(t, err)
				return sortedFlags(flags["notify-keyspace-events"]) == sortedFlags(after)
			})
		})
	}
}

func sortedFlags(flags string) string {
	all := []byte(flags)
	slices.Sort(all)
	return string(slices.Compact(all))
}
