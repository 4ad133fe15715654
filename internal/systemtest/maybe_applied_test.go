package systemtest

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// writeFailure is a way to make a write fail, and the error that it must
// return.
type writeFailure struct {
	name          string
	config        []string
	fail          func(t *testing.T, admin rueidis.Client, p *redistest.Proxy)
	errorContains string
	maybeApplied  bool

	reconnects bool // calls may first fail on the old connection, with MaybeApplied true
}

// MaybeApplied is false if the server refuses a write or cannot be reached,
// and true if the reply is lost.
func TestMaybeAppliedForEachFailure(t *testing.T) {
	command := func(args ...string) func(*testing.T, rueidis.Client, *redistest.Proxy) {
		return func(t *testing.T, admin rueidis.Client, p *redistest.Proxy) {
			require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary(args...).Build()).Error())
		}
	}
	thenReconnect := func(then func(*testing.T, rueidis.Client, *redistest.Proxy)) func(*testing.T, rueidis.Client, *redistest.Proxy) {
		return func(t *testing.T, admin rueidis.Client, p *redistest.Proxy) {
			then(t, admin, p)
			p.CloseConnections()
		}
	}
	blockServer := func(t *testing.T, admin rueidis.Client, _ *redistest.Proxy) {
		go func() {
			_ = admin.Do(context.Background(), admin.B().Eval().Script("while true do end").Numkeys(0).Build()).Error()
		}()
	}
	for _, c := range []writeFailure{
		{name: "no server", fail: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.Down() }, errorContains: "connection refused"},
		{name: "busy", config: []string{"busy-reply-threshold 1"}, fail: blockServer, errorContains: "BUSY"},
		{name: "busy on reconnect", config: []string{"busy-reply-threshold 1"}, fail: thenReconnect(blockServer), errorContains: "BUSY"},
		{name: "password changed", fail: thenReconnect(command("ACL", "SETUSER", "default", "resetpass", ">hunter2")), errorContains: "NOAUTH"},
		{name: "user disabled", fail: thenReconnect(command("ACL", "SETUSER", "joe", "off")), errorContains: "WRONGPASS"},
		{name: "no permission to connect", fail: thenReconnect(command("ACL", "SETUSER", "joe", "-select")), errorContains: "SELECT"},
		{name: "no permission to track", fail: thenReconnect(command("ACL", "SETUSER", "joe", "-client")), errorContains: "CLIENT TRACKING"},
		{name: "no permission to write", fail: command("ACL", "SETUSER", "joe", "-hset"), errorContains: "+hset"},
		{name: "no permission to set the lifetime", fail: command("ACL", "SETUSER", "joe", "-pexpire"), errorContains: "PEXPIRE", maybeApplied: true},
		{name: "no permission for the key", fail: command("ACL", "SETUSER", "joe", "resetkeys", "~other:*"), errorContains: `"~acme:user:*"`},
		{name: "a replica", fail: command("REPLICAOF", "127.0.0.1", "1"), errorContains: "READONLY"},
		{name: "no memory", fail: command("CONFIG", "SET", "maxmemory", "1"), errorContains: "OOM"},
		{name: "no replicas", fail: command("CONFIG", "SET", "min-replicas-to-write", "1"), errorContains: "NOREPLICAS"},
		{name: "closed while it connects", fail: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) {
			p.CloseConnections()
			p.SetFault(redistest.CloseOnRequest)
		}, errorContains: "EOF", reconnects: true},
		{name: "reply lost", fail: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.SetFault(redistest.CloseOnReply) }, maybeApplied: true},
		{name: "no reply", fail: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.SetFault(redistest.DropReplies) }, maybeApplied: true},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}

// check makes the server fail, writes until the expected error is returned,
// and checks MaybeApplied.
func (c writeFailure) check(t *testing.T) {
	s := redistest.Server(t, append(c.config, "user joe on >joe ~* &* +@all", "enable-debug-command yes")...)
	admin := s.Client(t, 0)
	proxy := redistest.NewProxy(t, s)
	pools, err := pool.Open(t.Context(), pool.Config{URL: strings.Replace(proxy.URL(), "//", "//joe:joe@", 1), Timeout: time.Second})
	if c.name == "password changed" {
		pools, err = pool.Open(t.Context(), pool.Config{URL: proxy.URL(), Timeout: time.Second})
	}
	require.NoError(t, err)
	defer pools.Close()
	users, err := symphony.NewUser[struct{ N int }](pools, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(t.Context(), "1", struct{ N int }{1}))

	c.fail(t, admin, proxy)
	defer s.Kill()
	var op *symphony.OpError
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		err := users.Upsert(t.Context(), "1", struct{ N int }{2})
		if errors.As(err, &op) && strings.Contains(err.Error(), c.errorContains) && (!c.reconnects || op.MaybeApplied() == c.maybeApplied) {
			break
		}
		require.True(t, time.Now().Before(end), "%v", err)
	}
	require.Equal(t, c.maybeApplied, op.MaybeApplied(), "%v", op)
}

// MaybeApplied is false if the server shows a certificate for another address.
func TestMaybeAppliedAfterAFailedHandshake(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has 127.0.0.2")
	}
	ca := redistest.NewAuthority(t)
	s, other := ca.Server(t, "127.0.0.2"), ca.Server(t, "127.0.0.3")
	pools, err := pool.Open(t.Context(), pool.Config{URL: "rediss://" + s.TLSAddr(), Timeout: time.Second,
		NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
			opt.TLSConfig.RootCAs = ca.Roots()
			return rueidis.NewClient(opt)
		}})
	require.NoError(t, err)
	defer pools.Close()
	users, err := symphony.NewUser[struct{ N int }](pools, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(t.Context(), "1", struct{ N int }{1}))
	admin := other.Client(t, 0)
	require.NoError(t, admin.Do(t.Context(), admin.B().Ping().Build()).Error())
	admin = s.Client(t, 0)
	for _, args := range [][]string{
		{"CONFIG", "SET", "tls-cert-file", ca.CertificateFile("127.0.0.3"), "tls-key-file", ca.KeyFile("127.0.0.3")},
		{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"},
	} {
		require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary(args...).Build()).Error())
	}
	var op *symphony.OpError
	require.Eventually(t, func() bool {
		err := users.Upsert(t.Context(), "1", struct{ N int }{2})
		return errors.As(err, &op) && strings.Contains(err.Error(), "x509")
	}, 30*time.Second, time.Millisecond)
	require.False(t, op.MaybeApplied(), "%v", op)
}

// MaybeApplied is false if the cluster is down.
func TestMaybeAppliedWhenTheClusterIsDown(t *testing.T) {
	cluster := redistest.Cluster(t)
	pools, err := pool.Open(t.Context(), pool.Config{URL: cluster.URL(), Timeout: time.Second})
	require.NoError(t, err)
	defer pools.Close()
	users, err := symphony.NewUser[struct{ N int }](pools, "acme")
	require.NoError(t, err)
	for _, node := range cluster.Primaries {
		admin := node.Client(t, 0)
		require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary("CLUSTER", "FLUSHSLOTS").Build()).Error())
	}
	var op *symphony.OpError
	require.Eventually(t, func() bool {
		err := users.Upsert(t.Context(), "1", struct{ N int }{2})
		return errors.As(err, &op) && (strings.Contains(err.Error(), "CLUSTERDOWN") || errors.Is(err, rueidis.ErrNoSlot))
	}, 30*time.Second, time.Millisecond)
	require.False(t, op.MaybeApplied(), "%v", op)
}
