package pool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
)

const (
	hintNoLogin = "the server requires a password: write redis://:password@host or redis://user:password@host, or set Config.Credentials"

	hintPasswordAsUser = "the URL has a user and no password: to give a password without a user, write a colon before it, as in redis://:password@host"

	hintWrongPassword = "check the user and the password, and that the user is enabled; " + encodingHint

	hintMissingDatabase = "the server has fewer databases: raise `databases` in redis.conf; or set Config.SingleDatabase, if the server has only one; or set other numbers in Config.Databases, with Config.PrefixKeys if aliases share a database"

	hintMaxClients = "raise maxclients of the server, or open fewer connections: each alias of each process opens several"

	hintLoading = "the server is not ready yet: give the context of Open more time"

	hintNoSelect = "or set Config.SingleDatabase, which needs no SELECT"

	hintRefused = "no server listens there: start it, or correct the host and the port of the URL"

	hintNoSocket = "no server listens there: start it with `unixsocket`, or correct the path of the URL"

	hintTimeout = "is the host correct, and does a firewall drop the packets? A port that expects TLS may be silent too: its URL begins with rediss://"

	hintTLSTimeout = "is the host correct, and does a firewall drop the packets? A port without TLS is silent too: its URL begins with redis://"

	hintClosed = "the server closed the connection without a reply: if the port expects TLS, write rediss://; otherwise it may belong to another program, or to a proxy without a server"

	hintTLSClosed = "the server ended the TLS handshake: if the port has no TLS, write redis://; a server that requires a client certificate needs Config.TLS"

	hintNoTLS = "the port has no TLS: write redis:// instead of rediss://, or use the TLS port of the server"

	hintAuthority = "add the authority that signed the certificate of the server to Config.TLS.RootCAs"

	hintHostname = "use a host for which the certificate of the server is valid, or set Config.TLS.ServerName to one"

	hintExpired = "renew the certificate of the server; if it is valid, set the clock of this machine"

	hintNotYetValid = "set the clock of this machine; if it is right, the certificate of the server begins too late"

	hintCertificateUse = "issue a certificate that is valid for server authentication"

	hintCertificate = "replace the certificate of the server or of its authority"

	hintClientCertificate = "the server requires a client certificate: set Config.TLS.Certificates or Config.TLS.GetClientCertificate to one of an authority in its tls-ca-cert-file"

	hintClientAuthority = "the server does not know the authority of the client certificate in Config.TLS: add it to tls-ca-cert-file of the server, or use a certificate of another authority"

	hintClientExpired = "renew the client certificate in Config.TLS; if it is valid, set the clock of the server"

	hintClientRefused = "the server refuses the client certificate in Config.TLS: use one that is valid for client authentication"

	hintVersion = "TLS 1.2 is the least version: set tls-protocols of the server, and the versions in Config.TLS, so that they have one in common"

	hintHandshake = "the server requires a client certificate, or has no cipher suite in common with this program: see Config.TLS"

	hintProtocol = "use the port of a Redis server: 6379 by default"

	hintProtocolTLS = "the port expects TLS: write rediss:// instead of redis://"
)

// hint returns the likely mistake that led to err when connecting to s, and its
// remedy. It is empty for an unknown cause, and if err contains the remedy.
func hint(err error, s *endpoint) string {
	if text := refusal(err); text != "" {
		return hintOfRefusal(text, err, s)
	}
	var foreign *foreignProtocolError
	var noTLS tls.RecordHeaderError
	var lookup *net.DNSError
	usesTLS := s.opt.TLSConfig != nil
	switch {
	case errors.As(err, &foreign) && foreign.name == protocolTLS:
		return hintProtocolTLS
	case errors.As(err, &foreign):
		return hintProtocol
	case errors.As(err, &noTLS):
		return hintNoTLS
	case hintOfCertificate(err) != "":
		return hintOfCertificate(err)
	case hintOfAlert(err) != "":
		return hintOfAlert(err)
	case errors.As(err, &lookup): // its text has a hint
		return ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return hintRefused
	case errors.Is(err, syscall.ENOENT):
		return hintNoSocket
	case isTimeout(err) && usesTLS:
		return hintTLSTimeout
	case isTimeout(err):
		return hintTimeout
	case isClosed(err) && usesTLS:
		return hintTLSClosed
	case isClosed(err):
		return hintClosed
	}
	return ""
}

// hintOfCertificate returns the remedy if this program refused the certificate
// of the server.
func hintOfCertificate(err error) string {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &authority):
		return hintAuthority
	case errors.As(err, &hostname):
		return hintHostname
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore):
		return hintNotYetValid
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return hintExpired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return hintCertificateUse
	case errors.As(err, &verification):
		return hintCertificate
	}
	return ""
}

// hintsOfAlerts are the remedies by the alert with which a server ends a
// handshake. The type of an alert is private to package tls.
var hintsOfAlerts = map[string]string{
	"tls: certificate required":           hintClientCertificate,
	"tls: unknown certificate authority":  hintClientAuthority,
	"tls: expired certificate":            hintClientExpired,
	"tls: bad certificate":                hintClientRefused,
	"tls: unsupported certificate":        hintClientRefused,
	"tls: revoked certificate":            hintClientRefused,
	"tls: unknown certificate":            hintClientRefused,
	"tls: access denied":                  hintClientRefused,
	"tls: protocol version not supported": hintVersion,
	"tls: handshake failure":              hintHandshake,
	"tls: insufficient security level":    hintHandshake,
	"tls: unrecognized name":              hintHostname,
}

func hintOfAlert(err error) string {
	if alert := alertOf(err); alert != nil {
		return hintsOfAlerts[alert.Err.Error()]
	}
	if err != nil && strings.Contains(err.Error(), "tls: server selected unsupported protocol version") {
		return hintVersion
	}
	return ""
}

// alertOf returns the alert with which a server ended a connection, or nil.
func alertOf(err error) *net.OpError {
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		return alert
	}
	return nil
}

func hintOfRefusal(text string, err error, s *endpoint) string {
	var denied *acl.Error
	passwordAsUser := s.opt.Username != "" && s.opt.Password == ""
	switch word, _, _ := strings.Cut(text, " "); {
	case (word == "NOAUTH" || word == "WRONGPASS") && passwordAsUser:
		return hintPasswordAsUser
	case word == "NOAUTH":
		return hintNoLogin
	case word == "WRONGPASS":
		return hintWrongPassword
	case isMissingDatabase(err):
		return hintMissingDatabase
	case strings.Contains(text, "max number of clients"):
		return hintMaxClients
	case isTemporaryRefusal(err):
		return hintLoading
	case errors.As(err, &denied) && denied.Rule == "+select":
		return hintNoSelect
	}
	return ""
}

// refusal returns the error that the server sent. It is empty if it sent none.
func refusal(err error) string {
	var refused *rueidis.RedisError
	var connection *refusedConnectionError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &connection):
		return connection.text
	}
	return ""
}

// isMissingDatabase reports whether the server refused SELECT, because it does
// not have the database. The texts are those of Redis and of services with one
// database.
func isMissingDatabase(err error) bool {
	text := refusal(err)
	for _, part := range []string{"DB index is out of range", "invalid DB index", "SELECT is not allowed in cluster mode", "Only 0th database is supported"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// hasAnswered reports whether the server sent anything.
func hasAnswered(err error) bool {
	var lookup *net.DNSError
	silent := errors.As(err, &lookup) || isTimeout(err) || isClosed(err) || errors.Is(err, context.Canceled) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) ||
		errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
	return refusal(err) != "" || !silent
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
