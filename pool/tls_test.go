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

// trusting makes clients that trust an authority and nobody else.
func trusting(a *redistest.Authority) func(rueidis.ClientOption) (rueidis.Client, error) {
	return func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.TLSConfig.RootCAs = a.Roots()
		return rueidis.NewClient(opt)
	}
}

// hosts skips a test that needs more loopback addresses than one.
func hosts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has 127.0.0.2")
	}
}

// Every node of a cluster is checked by its own name, so that nodes may have
// certificates of their own, and none can pass for another.
func TestEveryNodeOfAClusterIsCheckedByItsOwnName(t *testing.T) {
	hosts(t)
	ca := redistest.NewAuthority(t)
	cluster := ca.Cluster(t)
	one, two := cluster.Primaries[0], cluster.Primaries[1]
	for _, url := range []string{"rediss://" + one.TLSAddr(), "rediss://" + one.TLSAddr() + "?addr=" + two.TLSAddr()} {
		pools, err := pool.Open(patient(t), pool.Config{URL: url, NewClient: trusting(ca)})
		require.NoError(t, err)
		t.Cleanup(pools.Close)
		c, err := pools.Client(pool.User)
		require.NoError(t, err)
		for i := range 12 {
			require.NoError(t, c.Do(patient(t), c.B().Set().Key(fmt.Sprint("k", i)).Value("v").Build()).Error(), i)
		}
		require.Len(t, c.Nodes(), 3)
		for _, n := range c.Nodes() {
			do(t, n, "PING")
		}
	}
}

// A node that shows the first one's certificate is another.
func TestNoNodePassesForAnother(t *testing.T) {
	hosts(t)
	ca := redistest.NewAuthority(t)
	cluster := ca.Cluster(t)
	three := cluster.Primaries[2]
	for _, one := range cluster.Primaries {
		show := one.Client(t, 0)
		do(t, show, "CONFIG", "SET", "tls-cert-file", ca.CertificateFile("127.0.0.4"), "tls-key-file", ca.KeyFile("127.0.0.4"))
	}
	pools, err := pool.Open(patient(t), pool.Config{URL: "rediss://" + three.TLSAddr(), NewClient: trusting(ca)})
	if err == nil {
		defer pools.Close()
		c, clientErr := pools.Client(pool.User)
		require.NoError(t, clientErr)
		for i := range 12 {
			if e := c.Do(patient(t), c.B().Set().Key(fmt.Sprint("k", i)).Value("v").Build()).Error(); e != nil {
				err = e
			}
		}
	}
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong)
}

func TestThePrimaryThatSentinelNamesIsCheckedByItsOwnName(t *testing.T) {
	hosts(t)
	ca := redistest.NewAuthority(t)
	s := ca.Sentinel(t)
	url := "rediss://" + s.Sentinel.Addr() + "?master_set=symphony"
	pools, err := pool.Open(patient(t), pool.Config{URL: url, NewClient: trusting(ca)})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	do(t, c, "SET", "x", "1")

	_, err = pool.Open(patient(t), pool.Config{URL: url, NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.TLSConfig.RootCAs, opt.TLSConfig.ServerName = ca.Roots(), "127.0.0.9"
		return rueidis.NewClient(opt)
	}})
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong, "a name of the program's own counts")
}

func TestASingleServerIsCheckedByTheNameInItsURL(t *testing.T) {
	hosts(t)
	ca := redistest.NewAuthority(t)
	s := ca.Server(t, "127.0.0.2")
	pools, err := pool.Open(patient(t), pool.Config{URL: "rediss://" + s.TLSAddr(), NewClient: trusting(ca)})
	require.NoError(t, err)
	pools.Close()
	other := "rediss://127.0.0.1:" + s.TLSAddr()[len("127.0.0.2:"):]
	_, err = pool.Open(patient(t), pool.Config{URL: other, NewClient: trusting(ca)})
	var wrong x509.HostnameError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "valid for 127.0.0.2, not 127.0.0.1")
	_, err = pool.Open(patient(t), pool.Config{URL: "rediss://" + s.TLSAddr()})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}
