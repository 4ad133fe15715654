package pool_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A Report names the commands that the user lacks, and the repositories that
// need them, without running any of them.
func TestReportOfRights(t *testing.T) {
	server := redistest.Server(t, "notify-keyspace-events Ex")
	admin := server.Client(t, 0)
	report := func(rules ...string) pool.Report {
		t.Helper()
		mustDo(t, admin, append([]string{"ACL", "SETUSER", "joe", "reset", "on", ">joe", "~*"}, rules...)...)
		p, err := pool.Open(t.Context(), pool.Config{URL: strings.Replace(server.URL(), "//", "//joe:joe@", 1)})
		require.NoError(t, err)
		defer p.Close()
		r, err := p.Report(t.Context())
		require.NoError(t, err)
		return r
	}

	r := report("+@all")
	require.Empty(t, r.Rights)
	require.Empty(t, r.RightsUnchecked)
	require.Equal(t, "xE", r.Servers[0].Notifications)
	require.Equal(t, "standalone", r.Servers[0].Mode)

	r = report("+@all", "-time", "-script|load")
	require.Empty(t, r.RightsUnchecked)
	var found []string
	for _, rights := range r.Rights {
		found = append(found, string(rights.Alias)+" "+rights.Repository+" "+strings.Join(rights.Missing, " "))
	}
	require.Equal(t, []string{"expiry Trigger +script|load +time", "handlers Batch +script|load +time", "handlers Limiter +time", "pubsub Feed +time"}, found)

	r = report("+@all", "-acl", "-config")
	require.Empty(t, r.Rights)
	require.Contains(t, r.RightsUnchecked, "+acl|dryrun")
	require.Equal(t, pool.NotificationsUnknown, r.Servers[0].Notifications)

	p, err := embedded.Open(t.Context(), pool.Config{})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	r, err = p.Report(t.Context())
	require.NoError(t, err)
	require.Contains(t, r.RightsUnchecked, "no ACL DRYRUN")
}

// Latency has the times of the pools that reply.
func TestLatency(t *testing.T) {
	server, other := redistest.Server(t), redistest.Server(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: server.URL(), URLs: map[pool.Alias]string{pool.User: other.URL()}, Timeout: time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	took, err := p.Latency(t.Context())
	require.NoError(t, err)
	require.Len(t, took, len(p.Aliases()))
	for a, d := range took {
		require.Positive(t, d, a)
	}
	other.Kill()
	took, err = p.Latency(t.Context())
	var failed *pool.ConnectError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, pool.User, failed.Alias)
	require.NotContains(t, took, pool.User)
	require.Len(t, took, len(p.Aliases())-1)
	p.Close()
	_, err = p.Latency(t.Context())
	require.ErrorIs(t, err, pool.ErrClosed)
}
