package pool_test

import (
	"crypto/x509"
	"fmt"
	"runtime"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// newClientTrusting returns a NewClient function whose clients trust only this
// authority.
func newClientTrusting(a *redistest.Authority) func(rueidis.ClientOption) (rueidis.Client, error) {
	return func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.TLSConfig.RootCAs = a.Roots()
		return rueidis.NewClient(opt)
	}
}

// requireLoopbackHosts skips a test that needs several loopback addresses.
func requireLoopbackHosts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has 127.0.0.2")
	}
}

// TLS verifies each node of a cluster by its own name, so each node may have
// another certificate.
func TestTLSVerifiesEachNodeOfAClusterByItsName(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	cluster := ca.Cluster(t)
	one, two := cluster.Primaries[0], cluster.Primaries[1]
	for _, url := range []string{"rediss://" + one.TLSAddr(), "rediss://" + one.TLSAddr() + "?addr=" + two.TLSAddr()} {
		pools, err := pool.Open(withTimeout(t), pool.Config{URL: url, NewClient: newClientTrusting(ca)})
		require.NoError(t, err)
		t.Cleanup(pools.Close)
		c, err := pools.Client(pool.User)
		require.NoError(t, err)
		for i := range 12 {
			require.NoError(t, c.Do(withTimeout(t), c.B().Set().Key(fmt.Sprint("k", i)).Value("v").Build()).Error(), i)
		}
		require.Len(t, c.Nodes(), 3)
		for _, n := range c.Nodes() {
			mustDo(t, n, "PING")
		}
	}
}

// A node with the certificate of another node is refused.
func TestTLSRefusesTheCertificateOfAnotherNode(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	cluster := ca.Cluster(t)
	three := cluster.Primaries[2]
	for _, node := range cluster.Primaries {
		client := node.Client(t, 0)
		mustDo(t, client, "CONFIG", "SET", "tls-cert-file", ca.CertificateFile("127.0.0.4"), "tls-key-file", ca.KeyFile("127.0.0.4"))
	}
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: "rediss://" + three.TLSAddr(), NewClient: newClientTrusting(ca)})
	if err == nil {
		defer pools.Close()
		c, clientErr := pools.Client(pool.User)
		require.NoError(t, clientErr)
		for i := range 12 {
			if e := c.Do(withTimeout(t), c.B().Set().Key(fmt.Sprint("k", i)).Value("v").Build()).Error(); e != nil {
				err = e
			}
		}
	}
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong)
}

func TestTLSVerifiesThePrimaryOfASentinelByItsName(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	s := ca.Sentinel(t)
	url := "rediss://" + s.Sentinel.Addr() + "?master_set=symphony"
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: url, NewClient: newClientTrusting(ca)})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	mustDo(t, c, "SET", "x", "1")

	_, err = pool.Open(withTimeout(t), pool.Config{URL: url, NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.TLSConfig.RootCAs, opt.TLSConfig.ServerName = ca.Roots(), "127.0.0.9"
		return rueidis.NewClient(opt)
	}})
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong, "a ServerName that NewClient sets is used")
}

func TestTLSVerifiesASingleServerByTheHostInItsURL(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	s := ca.Server(t, "127.0.0.2")
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: "rediss://" + s.TLSAddr(), NewClient: newClientTrusting(ca)})
	require.NoError(t, err)
	pools.Close()
	other := "rediss://127.0.0.1:" + s.TLSAddr()[len("127.0.0.2:"):]
	_, err = pool.Open(withTimeout(t), pool.Config{URL: other, NewClient: newClientTrusting(ca)})
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "valid for 127.0.0.2, not 127.0.0.1")
	_, err = pool.Open(withTimeout(t), pool.Config{URL: "rediss://" + s.TLSAddr()})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}
