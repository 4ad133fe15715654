package pool_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// certificateLines let a server present the certificate of another name.
func certificateLines(ca *redistest.Authority, name string) []string {
	return []string{"tls-cert-file " + ca.CertificateFile(name), "tls-key-file " + ca.KeyFile(name)}
}

// Each fault of a certificate, of its client or of a version of TLS has an
// error that names the remedy, on one line for all aliases.
func TestTLSErrorsNameTheRemedy(t *testing.T) {
	requireLoopbackHosts(t)
	const host = "127.0.0.2"
	ca, other := redistest.NewAuthority(t), redistest.NewAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	ipOfHost := func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(host)} }
	presenting := func(name string, change func(*x509.Certificate)) *redistest.Instance {
		ca.Issue(t, name, func(c *x509.Certificate) { ipOfHost(c); change(c) })
		return ca.Server(t, host, certificateLines(ca, name)...)
	}
	plain := ca.Server(t, host, "user joe on >joe ~* &* +@all", "user late on >late ~* &* +@all -ping")
	strict := ca.Server(t, host, "tls-auth-clients yes")
	other.Issue(t, host, nil)
	alone := redistest.NewAuthority(t)
	alone.SelfSigned(t, host)

	trusting := func(changes ...func(*tls.Config)) *tls.Config {
		conf := &tls.Config{RootCAs: ca.Roots()}
		for _, change := range changes {
			change(conf)
		}
		return conf
	}
	upTo12 := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	with := func(cert tls.Certificate) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
	}
	joe, stranger := ca.Issue(t, "joe", nil), other.Issue(t, "joe", nil)
	late := ca.Issue(t, "late", expired)
	server := ca.Issue(t, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })

	const authority, clientAuthority = "Config.TLS.RootCAs", "add it to tls-ca-cert-file of the server"
	const required, refused = "set Config.TLS.Certificates", "valid for client authentication"
	for name, c := range map[string]struct {
		addr   string
		conf   *tls.Config
		remedy []string // none: the pools open
	}{
		"a private authority":             {plain.TLSAddr(), trusting(), nil},
		"a user":                          {"joe:joe@" + plain.TLSAddr(), trusting(), nil},
		"a client certificate":            {strict.TLSAddr(), trusting(with(joe)), nil},
		"a client certificate, 1.2":       {strict.TLSAddr(), trusting(with(joe), upTo12), nil},
		"Certificates":                    {strict.TLSAddr(), trusting(func(c *tls.Config) { c.Certificates = []tls.Certificate{joe} }), nil},
		"a wrong password":                {"joe:hunter2@" + plain.TLSAddr(), trusting(), []string{"WRONGPASS", "check the user and the password"}},
		"no permission":                   {"late:late@" + plain.TLSAddr(), trusting(), []string{"+ping"}},
		"an unknown authority":            {plain.TLSAddr(), trusting(func(c *tls.Config) { c.RootCAs = other.Roots() }), []string{"unknown authority", authority}},
		"a self-signed certificate":       {ca.Server(t, host, certificateLines(alone, host)...).TLSAddr(), trusting(), []string{"unknown authority", authority}},
		"a certificate of another":        {ca.Server(t, host, certificateLines(other, host)...).TLSAddr(), trusting(), []string{"unknown authority", authority}},
		"no authority":                    {plain.TLSAddr(), nil, []string{"unknown authority", authority}},
		"another host":                    {presenting("other", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("127.0.0.9")} }).TLSAddr(), trusting(), []string{"valid for 127.0.0.9, not 127.0.0.2", "Config.TLS.ServerName"}},
		"no host":                         {presenting("none", func(c *x509.Certificate) { c.IPAddresses = nil }).TLSAddr(), trusting(), []string{"Config.TLS.ServerName"}},
		"an expired certificate":          {presenting("expired", expired).TLSAddr(), trusting(), []string{"renew the certificate of the server"}},
		"a certificate of tomorrow":       {presenting("early", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }).TLSAddr(), trusting(), []string{"set the clock of this machine"}},
		"a certificate of a client":       {presenting("client", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }).TLSAddr(), trusting(), []string{"valid for server authentication"}},
		"no client certificate":           {strict.TLSAddr(), trusting(), []string{"certificate required", required}},
		"no client certificate, 1.2":      {strict.TLSAddr(), trusting(upTo12), []string{"handshake failure", "requires a client certificate"}},
		"of another authority":            {strict.TLSAddr(), trusting(with(stranger)), []string{clientAuthority}},
		"of another authority, 1.2":       {strict.TLSAddr(), trusting(with(stranger), upTo12), []string{clientAuthority}},
		"not among those of the server":   {strict.TLSAddr(), trusting(func(c *tls.Config) { c.Certificates = []tls.Certificate{late} }), []string{"renew the client certificate"}},
		"an expired client certificate":   {strict.TLSAddr(), trusting(with(late)), []string{"renew the client certificate"}},
		"a client certificate of servers": {strict.TLSAddr(), trusting(with(server)), []string{refused}},
		"GetClientCertificate fails": {strict.TLSAddr(), trusting(func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, errors.New("no file") }
		}), []string{"Config.TLS.GetClientCertificate: no file"}},
		"a server with TLS 1.1":     {ca.Server(t, host, `tls-protocols "TLSv1.1"`, "tls-ciphers DEFAULT:@SECLEVEL=0").TLSAddr(), trusting(), []string{"TLS 1.2 is the least version", "tls-protocols"}},
		"a server with TLS 1.3":     {ca.Server(t, host, `tls-protocols "TLSv1.3"`).TLSAddr(), trusting(upTo12), []string{"tls-protocols", "Config.TLS"}},
		"no cipher suite in common": {plain.TLSAddr(), trusting(upTo12, func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} }), []string{"no cipher suite in common"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pool.Open(withTimeout(t), pool.Config{URL: "rediss://" + c.addr, TLS: c.conf, Logger: slog.New(slog.DiscardHandler)})
			if len(c.remedy) == 0 {
				require.NoError(t, err)
				p.Close()
				return
			}
			require.Error(t, err)
			require.Equal(t, 0, strings.Count(err.Error(), "\n"), "%v", err)
			require.Contains(t, err.Error(), "cannot be used")
			for _, part := range c.remedy {
				require.Contains(t, err.Error(), part)
			}
			requireHidden(t, err.Error(), name)
		})
	}
}

// A cluster and Sentinel return the same errors about client certificates.
func TestTLSClientCertificatesOfAClusterAndSentinel(t *testing.T) {
	requireLoopbackHosts(t)
	ca, other := redistest.NewAuthority(t), redistest.NewAuthority(t)
	cluster := ca.Cluster(t, "tls-auth-clients yes")
	sentinel := ca.Sentinel(t, "tls-auth-clients yes")
	for name, url := range map[string]string{
		"cluster":  "rediss://" + cluster.Primaries[0].TLSAddr() + "?addr=" + cluster.Primaries[1].TLSAddr(),
		"sentinel": "rediss://" + sentinel.Sentinel.Addr() + "?master_set=symphony",
	} {
		for who, c := range map[string]struct {
			certs  []tls.Certificate
			remedy string
		}{
			"right": {[]tls.Certificate{ca.Issue(t, "joe", nil)}, ""},
			"none":  {nil, "set Config.TLS.Certificates"},
			"wrong": {[]tls.Certificate{other.Issue(t, "joe", nil)}, "tls-ca-cert-file"},
		} {
			t.Run(name+"/"+who, func(t *testing.T) {
				p, err := pool.Open(withTimeout(t), pool.Config{URL: url, TLS: &tls.Config{RootCAs: ca.Roots(), Certificates: c.certs}})
				if c.remedy == "" {
					require.NoError(t, err)
					defer p.Close()
					client, err := p.Client(pool.User)
					require.NoError(t, err)
					mustDo(t, client, "SET", "k", "v")
					return
				}
				require.ErrorContains(t, err, c.remedy)
			})
		}
	}
}

// New connections use the login and the client certificate that are valid when
// they are opened.
func TestLoginAndClientCertificateOfAReconnect(t *testing.T) {
	requireLoopbackHosts(t)
	ca, next := redistest.NewAuthority(t), redistest.NewAuthority(t)
	s := ca.Server(t, "127.0.0.2", "tls-auth-clients yes", "user joe on >one ~* &* +@all")
	var password atomic.Pointer[string]
	var cert atomic.Pointer[tls.Certificate]
	use := func(login string, c tls.Certificate) { password.Store(&login); cert.Store(&c) }
	first, second := ca.Issue(t, "joe", nil), next.Issue(t, "joe", nil)
	use("one", first)
	p, err := pool.Open(withTimeout(t), pool.Config{
		URL: "rediss://" + s.TLSAddr(),
		TLS: &tls.Config{RootCAs: ca.Roots(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return cert.Load(), nil
		}},
		Credentials: func(context.Context) (string, string, error) { return "joe", *password.Load(), nil },
		RetryFor:    time.Millisecond,
	})
	require.NoError(t, err)
	defer p.Close()
	client, err := p.Client(pool.User)
	require.NoError(t, err)
	mustDo(t, client, "SET", "k", "v")

	get := func() error { return client.Do(withTimeout(t), client.B().Get().Key("k").Build()).Error() }
	admin := s.Client(t, 0)
	breakConnections := func() {
		require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary("CLIENT", "KILL", "USER", "joe").Build()).Error())
	}
	mustDo(t, admin, "CONFIG", "SET", "tls-ca-cert-file", next.CertificateFile("ca"))
	breakConnections()
	require.Eventually(t, func() bool { return isErrorWith(get(), "unknown certificate authority") }, 10*time.Second, 10*time.Millisecond, "the old certificate is refused")
	use("one", second)
	require.Eventually(t, func() bool { return get() == nil }, 10*time.Second, 10*time.Millisecond, "the new certificate is used")

	mustDo(t, admin, "ACL", "SETUSER", "joe", "resetpass", ">two")
	breakConnections()
	require.Eventually(t, func() bool { return isErrorWith(get(), "WRONGPASS") }, 10*time.Second, 10*time.Millisecond, "the old password is refused")
	use("two", second)
	require.Eventually(t, func() bool { return get() == nil }, 10*time.Second, 10*time.Millisecond, "the new password is used")
}

func isErrorWith(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

// An error of Credentials names the field, and no login is sent.
func TestErrorOfCredentials(t *testing.T) {
	s := redistest.Server(t)
	broken := errors.New("the vault is closed")
	_, err := pool.Open(withTimeout(t), pool.Config{URL: s.URL(), Credentials: func(context.Context) (string, string, error) {
		return "joe", "hunter2", broken
	}})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "Config.Credentials: the vault is closed")
	requireHidden(t, err.Error(), "Credentials")
}
