package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Authority is a certificate authority that issues certificates to the servers
// of a test.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority returns a new Authority. Only clients that use its
// [Authority.Roots] trust it.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{dir: tb.TempDir()}
	cert := certificateTemplate("redistest")
	cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign
	a.cert, a.key = a.issue(tb, "ca", cert, cert, nil)
	return a
}

// Roots returns the certificate pool of clients that trust the Authority.
func (a *Authority) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Server starts a [Server] with a TLS port in addition to the plain port. Its
// certificate is valid for the host only. The host must be a loopback address:
// Linux has 127.0.0.2 and higher.
func (a *Authority) Server(tb testing.TB, host string, config ...string) *Instance {
	tb.Helper()
	return Server(tb, slices.Concat(a.lines(tb, host), config)...)
}

// Cluster starts a [Cluster] with TLS. Each node has another host, and a
// certificate that is valid for that host only. The config lines are those of
// every node, as in [Server].
func (a *Authority) Cluster(tb testing.TB, config ...string) *ClusterInstance {
	tb.Helper()
	c := &ClusterInstance{}
	for i := range 3 {
		host := fmt.Sprintf("127.0.0.%d", 2+i)
		c.Primaries = append(c.Primaries, startNode(tb, slices.Concat(a.lines(tb, host), []string{"cluster-announce-ip " + host, "tls-cluster yes"}, config)))
	}
	c.join(tb)
	return c
}

// Sentinel starts a [Sentinel] with TLS between its servers. Each server has
// another host and certificate. Clients reach the Sentinel itself without TLS.
// The config lines are those of the primary and the replica.
func (a *Authority) Sentinel(tb testing.TB, config ...string) *SentinelInstance {
	tb.Helper()
	primary := a.Server(tb, "127.0.0.2", append(config, "tls-replication yes")...)
	replica := a.Server(tb, "127.0.0.3", slices.Concat(config, []string{"tls-replication yes", "replica-announce-ip 127.0.0.3",
		fmt.Sprintf("replicaof 127.0.0.2 %s", primary.setting("tls-port"))})...)
	return startSentinel(tb, primary, replica, "127.0.0.2", primary.setting("tls-port"),
		slices.Concat(a.lines(tb, "127.0.0.5"), []string{"tls-replication yes"}))
}

// TLSAddr returns the host and the TLS port of a server that an [Authority]
// started.
func (s *Instance) TLSAddr() string {
	hosts := strings.Fields(s.setting("bind"))
	return net.JoinHostPort(hosts[len(hosts)-1], s.setting("tls-port"))
}

// Issue returns a certificate for an IP address, or for a client with this
// name, and writes its files. The function change may change the certificate
// before it is signed.
func (a *Authority) Issue(tb testing.TB, name string, change func(*x509.Certificate)) tls.Certificate {
	tb.Helper()
	cert := certificateTemplate(name)
	if ip := net.ParseIP(name); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	}
	if change != nil {
		change(cert)
	}
	a.issue(tb, name, cert, a.cert, a.key)
	issued, err := tls.LoadX509KeyPair(a.CertificateFile(name), a.KeyFile(name))
	fatal(tb, err)
	return issued
}

// SelfSigned writes the files of a certificate for an IP address that no
// authority signed.
func (a *Authority) SelfSigned(tb testing.TB, host string) {
	tb.Helper()
	cert := certificateTemplate(host)
	cert.IPAddresses = []net.IP{net.ParseIP(host)}
	a.issue(tb, host, cert, cert, nil)
}

// CertificateFile returns the path of the certificate of a host.
func (a *Authority) CertificateFile(host string) string { return a.file(host + ".crt") }

// KeyFile returns the path of the private key of a host.
func (a *Authority) KeyFile(host string) string { return a.file(host + ".key") }

func (a *Authority) lines(tb testing.TB, host string) []string {
	tb.Helper()
	a.Issue(tb, host, nil)
	return []string{
		"bind 127.0.0.1 " + host,
		"tls-port " + strconv.Itoa(freePort(tb)),
		"tls-auth-clients no",
		"tls-ca-cert-file " + a.file("ca.crt"),
		"tls-cert-file " + a.CertificateFile(host),
		"tls-key-file " + a.KeyFile(host),
	}
}

func certificateTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// issue creates a certificate and its key, and writes them to files. If signer
// is nil, the certificate is self-signed.
func (a *Authority) issue(tb testing.TB, name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(tb, err)
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	fatal(tb, err)
	privateKey, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(tb, err)
	fatal(tb, os.WriteFile(a.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	fatal(tb, os.WriteFile(a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateKey}), 0o600))
	cert, err := x509.ParseCertificate(der)
	fatal(tb, err)
	return cert, key
}

func (a *Authority) file(name string) string { return filepath.Join(a.dir, name) }

func fatal(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
}
