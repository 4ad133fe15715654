package pool

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

type dialFunc = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error)

// wrapDial makes opt open guardedConns, and mark the errors of connecting as
// errors for which nothing was sent.
func wrapDial(opt *rueidis.ClientOption) {
	dial, addrs := opt.DialCtxFn, strings.Join(opt.InitAddress, ",")
	if dial == nil {
		dial = dialTCP
	}
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		conn, err := dial(ctx, addr, dialer, conf)
		if err != nil {
			return nil, unsentError{error: redactDialError(err, addrs)}
		}
		return &guardedConn{Conn: newDirectConn(ctx, conn)}, nil
	}
}

// dialTCP connects to addr. With TLS, it verifies the server by the name in
// conf, or by the host of addr if conf has no name.
func dialTCP(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
	if conf != nil {
		tlsDialer := tls.Dialer{NetDialer: dialer, Config: conf}
		return tlsDialer.DialContext(ctx, "tcp", addr)
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// verifyEachName lets TLS verify each node of a cluster, and each server that
// Sentinel names, by its own name, or by the name of all servers if that is not
// empty. ServerName is the name of one of them.
func verifyEachName(opt *rueidis.ClientOption, ofAll string) {
	if opt.TLSConfig != nil {
		opt.TLSConfig.ServerName = ofAll
	}
}

// guardedConn is a connection that is closed if a reply announces more data
// than Redis sends. Until the server first sends data, only the handshake was
// sent, and errors are unsentErrors.
type guardedConn struct {
	net.Conn
	hasReceived atomic.Bool // atomic, because Write reads it too
	replies     replyScanner
	lastWords   string // the only data so far, if it is the line of an error
}

func (c *guardedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && c.lastWords != "" {
		return n, unsentError{error: &refusedConnectionError{c.lastWords, err}}
	}
	if err != nil {
		return n, c.wrapError(err)
	}
	c.lastWords = ""
	if !c.hasReceived.Load() && n > 0 {
		c.hasReceived.Store(true)
		if !isKind(b[0]) {
			_ = c.Close()
			return 0, newForeignProtocolError(b[:n])
		}
		c.lastWords = errorLine(b[:n])
	}
	if err := c.replies.scan(b[:n]); err != nil {
		_ = c.Close() // later data cannot be interpreted
		return 0, err
	}
	return n, nil
}

// errorLine returns the text of an error reply, if b is nothing else.
func errorLine(b []byte) string {
	line, complete := bytes.CutSuffix(b, []byte("\r\n"))
	if !complete || line[0] != '-' || bytes.Contains(line, []byte("\n")) {
		return ""
	}
	return string(line[1:])
}

func (c *guardedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && !c.hasReceived.Load() {
		err = c.reasonToClose(err)
	}
	if err != nil {
		err = c.wrapError(err)
	}
	return n, err
}

// lastWordsWait is how long a connection that cannot be written is read.
const lastWordsWait = 50 * time.Millisecond

// reasonToClose returns why the server closed the connection before it replied,
// or err if it did not say so. With TLS 1.3, a server refuses a client
// certificate while the client may send its first command already, which then
// fails before the refusal is read.
func (c *guardedConn) reasonToClose(err error) error {
	if c.SetReadDeadline(time.Now().Add(lastWordsWait)) != nil {
		return err
	}
	line := make([]byte, 512)
	for range 2 {
		_, reason := c.Read(line)
		var refused *refusedConnectionError
		if alertOf(reason) != nil || errors.As(reason, &refused) {
			return reason
		}
	}
	return err
}

func (c *guardedConn) wrapError(err error) error {
	if c.hasReceived.Load() {
		return err
	}
	return unsentError{error: err}
}

// refusedConnectionError is returned if a server refuses a connection with an
// error and closes it, as if it has too many clients. rueidis only returns that
// the connection was closed.
type refusedConnectionError struct {
	text string // from the server
	err  error
}

func (e *refusedConnectionError) Error() string {
	return fmt.Sprintf("%s (%v)", strings.TrimPrefix(e.text, "ERR "), e.err)
}

// Unwrap returns the error of the connection.
func (e *refusedConnectionError) Unwrap() error { return e.err }

// unsentError is an error of connecting. No command was sent over the
// connection.
type unsentError struct {
	error
	breaker *breaker // of the address; nil if its connections are not tracked
}

func (e unsentError) Unwrap() error { return e.error }

// Unsent reports that nothing but the handshake was sent. Package fault calls
// it.
func (e unsentError) Unsent() bool { return true }
