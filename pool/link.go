package pool

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// links knows of a client's connections whether one is being made or is to be
// made anew. The calls that wait for a new connection share the patience of the
// one that makes it, so such a call is watched, and ends with its own context.
type links struct {
	making atomic.Int32
	broken atomic.Bool
	heard  atomic.Int64 // when the server last said something, since the epoch
}

// fresh is how long a connection that spoke is taken for sound: longer than a
// busy server pauses between its answers, since to watch a call takes a
// microsecond and four allocations.
const fresh = 10 * time.Millisecond

var epoch = time.Now()

// unsound reports whether a call may have to wait for a connection: one that
// was silent for a while may turn out to be dead.
func (l *links) unsound() bool {
	return l.making.Load() > 0 || l.broken.Load() || time.Since(epoch)-time.Duration(l.heard.Load()) > fresh
}

// watch has opt, which options made, make its connections under the eyes of l.
func (l *links) watch(opt *rueidis.ClientOption) {
	dial := opt.DialCtxFn
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		l.making.Add(1)
		conn, err := dial(ctx, addr, dialer, conf)
		if err != nil {
			l.making.Add(-1)
			return nil, err
		}
		return &link{Conn: conn, links: l}, nil
	}
}

// link is a connection. It is made when the server has said something.
type link struct {
	net.Conn
	links  *links
	made   atomic.Bool
	closed atomic.Bool
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err != nil {
		if !l.closed.Load() {
			l.links.broken.Store(true)
		}
		l.end()
		return n, err
	}
	l.links.heard.Store(int64(time.Since(epoch)))
	if !l.made.Load() {
		l.links.broken.Store(false)
		l.end()
	}
	return n, nil
}

func (l *link) Close() error {
	l.closed.Store(true)
	l.end()
	return l.Conn.Close()
}

func (l *link) end() {
	if l.made.CompareAndSwap(false, true) {
		l.links.making.Add(-1)
	}
}

// within runs call, no longer than until ctx ends. What a call that was left
// does later has no effect: nothing is sent for a context that has ended.
func within[R any](ctx context.Context, call func() R, late func(error) R) R {
	done := make(chan R, 1)
	go func() { done <- call() }()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return late(ctx.Err())
	}
}
