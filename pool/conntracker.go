package pool

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// connTracker observes the connections of a client. It reports whether a call
// may have to wait for a new connection. In rueidis, all calls that wait for
// the same connection wait as long as the call that opens it, so such a call
// runs in untilDone and ends with its own context.
type connTracker struct {
	connecting atomic.Int32
	broken     atomic.Bool
	lastRead   atomic.Int64 // time of the last data from the server, since epoch
}

// recentRead is how long a connection counts as working after it received
// data. A busy server pauses for less time between its replies. Calls outside
// this time are watched, which costs a microsecond and four allocations.
const recentRead = 10 * time.Millisecond

var epoch = time.Now()

// mayWaitToConnect reports whether a call may have to wait for a connection. A
// connection that was silent for a while may turn out to be broken.
func (t *connTracker) mayWaitToConnect() bool {
	return t.connecting.Load() > 0 || t.broken.Load() || time.Since(epoch)-time.Duration(t.lastRead.Load()) > recentRead
}

// wrapDial lets t observe the connections that opt makes. The dial function of
// opt must be set.
func (t *connTracker) wrapDial(opt *rueidis.ClientOption) {
	dial := opt.DialCtxFn
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		t.connecting.Add(1)
		conn, err := dial(ctx, addr, dialer, conf)
		if err != nil {
			t.connecting.Add(-1)
			return nil, err
		}
		return &trackedConn{Conn: conn, tracker: t}, nil
	}
}

// trackedConn is a connection that a connTracker observes. It counts as
// connecting until the server first sends data.
type trackedConn struct {
	net.Conn
	tracker   *connTracker
	connected atomic.Bool // no longer counts as connecting
	closed    atomic.Bool
}

func (c *trackedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		if !c.closed.Load() {
			c.tracker.broken.Store(true)
		}
		c.endConnecting()
		return n, err
	}
	c.tracker.lastRead.Store(int64(time.Since(epoch)))
	if !c.connected.Load() {
		c.tracker.broken.Store(false)
		c.endConnecting()
	}
	return n, nil
}

func (c *trackedConn) Close() error {
	c.closed.Store(true)
	c.endConnecting()
	return c.Conn.Close()
}

func (c *trackedConn) endConnecting() {
	if c.connected.CompareAndSwap(false, true) {
		c.tracker.connecting.Add(-1)
	}
}

// untilDone returns the result of call, or of onDone if ctx ends first. The
// call then goes on in its goroutine, but sends nothing, because its context
// has ended.
func untilDone[R any](ctx context.Context, call func() R, onDone func(error) R) R {
	result := make(chan R, 1)
	go func() { result <- call() }()
	select {
	case r := <-result:
		return r
	case <-ctx.Done():
		return onDone(ctx.Err())
	}
}
