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

// applied is a server that fails a write in one way.
type applied struct {
	name   string
	config []string
	before func(t *testing.T, admin rueidis.Client)                     // before the pools are opened
	broken func(t *testing.T, admin rueidis.Client, p *redistest.Proxy) // afterwards
	says   string
	maybe  bool

	settles bool // whether a call that met the end of the old connection may say something else before
}

// What each kind of failure says of whether a write was applied. It may say yes
// where it is not known, but never no where it was.
func TestWhatAFailureSaysOfAWrite(t *testing.T) {
	run := func(args ...string) func(*testing.T, rueidis.Client, *redistest.Proxy) {
		return func(t *testing.T, admin rueidis.Client, p *redistest.Proxy) {
			require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary(args...).Build()).Error())
		}
	}
	cut := func(then func(*testing.T, rueidis.Client, *redistest.Proxy)) func(*testing.T, rueidis.Client, *redistest.Proxy) {
		return func(t *testing.T, admin rueidis.Client, p *redistest.Proxy) {
			then(t, admin, p)
			p.CloseConnections()
		}
	}
	spin := func(t *testing.T, admin rueidis.Client, _ *redistest.Proxy) {
		go func() {
			_ = admin.Do(context.Background(), admin.B().Eval().Script("while true do end").Numkeys(0).Build()).Error()
		}()
	}
	for _, c := range []applied{
		{name: "no server", broken: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.Down() }, says: "connection refused"},
		{name: "busy", config: []string{"busy-reply-threshold 1"}, broken: spin, says: "BUSY"},
		{name: "busy while it connects", config: []string{"busy-reply-threshold 1"}, broken: cut(spin), says: "BUSY"},
		{name: "password changed", broken: cut(run("ACL", "SETUSER", "default", "resetpass", ">hunter2")), says: "NOAUTH"},
		{name: "user gone", broken: cut(run("ACL", "SETUSER", "joe", "off")), says: "WRONGPASS"},
		{name: "no right to connect", broken: cut(run("ACL", "SETUSER", "joe", "-select")), says: "SELECT"},
		{name: "no right to track", broken: cut(run("ACL", "SETUSER", "joe", "-client")), says: "CLIENT TRACKING"},
		{name: "no right to write", broken: run("ACL", "SETUSER", "joe", "-hset"), says: "+hset"},
		{name: "no right to the key", broken: run("ACL", "SETUSER", "joe", "resetkeys", "~other:*"), says: "key patterns"},
		{name: "a replica", broken: run("REPLICAOF", "127.0.0.1", "1"), says: "READONLY"},
		{name: "no memory", broken: run("CONFIG", "SET", "maxmemory", "1"), says: "OOM"},
		{name: "no replicas", broken: run("CONFIG", "SET", "min-replicas-to-write", "1"), says: "NOREPLICAS"},
		{name: "cut while it connects", broken: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) {
			p.CloseConnections()
			p.SetFault(redistest.CloseOnRequest)
		}, says: "EOF", settles: true},
		{name: "reply lost", broken: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.SetFault(redistest.CloseOnReply) }, maybe: true},
		{name: "no answer", broken: func(_ *testing.T, _ rueidis.Client, p *redistest.Proxy) { p.SetFault(redistest.DropReplies) }, maybe: true},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}

func (c applied) check(t *testing.T) {
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

	c.broken(t, admin, proxy)
	defer s.Kill()
	var op *symphony.OpError
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		err := users.Upsert(t.Context(), "1", struct{ N int }{2})
		if errors.As(err, &op) && strings.Contains(err.Error(), c.says) && (!c.settles || op.MaybeApplied() == c.maybe) {
			break
		}
		require.True(t, time.Now().Before(end), "%v", err)
	}
	require.Equal(t, c.maybe, op.MaybeApplied(), "%v", op)
}

// A server that shows another's certificate is sent nothing.
func TestAFailedHandshakeSaysThatNothingWasApplied(t *testing.T) {
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

// A cluster that is down refuses.
func TestAClusterThatIsDownSaysThatNothingWasApplied(t *testing.T) {
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
