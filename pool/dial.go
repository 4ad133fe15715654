package pool

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"
)

type dialFunc = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error)

// dialling has opt make its connections so that an error of making one says
// so, and that a broken server cannot end the process by a length.
func dialling(opt *rueidis.ClientOption) {
	dial, addrs := opt.DialCtxFn, strings.Join(opt.InitAddress, ",")
	if dial == nil {
		dial = dialTCP
	}
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		conn, err := dial(ctx, addr, dialer, conf)
		if err != nil {
			return nil, unsentError{redactDial(err, addrs)}
		}
		return &wire{Conn: conn}, nil
	}
}

// dialTCP checks a server by the name in conf, or if there is none, by the host
// in addr.
func dialTCP(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
	if conf != nil {
		over := tls.Dialer{NetDialer: dialer, Config: conf}
		return over.DialContext(ctx, "tcp", addr)
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// ownNames has the nodes of a cluster, and what Sentinel names, be checked by
// their own names: the URL has that of one of them.
func ownNames(opt *rueidis.ClientOption) {
	if opt.TLSConfig != nil {
		opt.TLSConfig.ServerName = ""
	}
}

// wire is a connection whose replies are followed. Until the server has said
// something, only the handshake went over it.
type wire struct {
	net.Conn
	spoken atomic.Bool // read by the writer too
	frames frames
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		return n, w.failed(err)
	}
	if !w.spoken.Load() {
		w.spoken.Store(true)
	}
	if err := w.frames.follow(b[:n]); err != nil {
		_ = w.Close() // what comes next makes no sense
		return 0, err
	}
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if err != nil {
		err = w.failed(err)
	}
	return n, err
}

func (w *wire) failed(err error) error {
	if w.spoken.Load() {
		return err
	}
	return unsentError{err}
}

// unsentError is an error of making a connection: no command went over it.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// Unsent says that nothing but the handshake left.
func (e unsentError) Unsent() bool { return true }
