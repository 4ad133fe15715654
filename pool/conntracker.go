package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// connTracker observes the connections of a client. It reports whether a call
// may have to wait for a new connection. In rueidis, all calls that wait for
// the same connection wait as long as the call that opens it, so such a call
// runs in untilDone and ends with its own context.
type connTracker struct {
	grace      time.Duration // Config.RetryFor
	connecting atomic.Int32
	broken     atomic.Bool
	lastRead   atomic.Int64 // time of the last data from the server, since epoch

	mu       sync.Mutex
	breakers map[string]*breaker // by address
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

// breaker returns the breaker of an address.
func (t *connTracker) breaker(addr string) *breaker {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.breakers[addr]
	if b == nil {
		b = &breaker{grace: t.grace}
		if t.breakers == nil {
			t.breakers = make(map[string]*breaker)
		}
		t.breakers[addr] = b
	}
	return b
}

// wrapDial lets t observe the connections that opt makes. The dial function of
// opt must be set.
func (t *connTracker) wrapDial(opt *rueidis.ClientOption) {
	dial := opt.DialCtxFn
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		if directOf(ctx) != nil { // no call waits for it
			return dial(ctx, addr, dialer, conf)
		}
		b := t.breaker(addr)
		t.connecting.Add(1)
		conn, err := t.dial(ctx, b, dialer.Timeout, func(ctx context.Context) (net.Conn, error) {
			return dial(ctx, addr, dialer, conf)
		})
		if err != nil {
			t.connecting.Add(-1)
			return nil, unsentError{err, b}
		}
		return &trackedConn{Conn: conn, tracker: t, breaker: b}, nil
	}
}

func (t *connTracker) dial(ctx context.Context, b *breaker, timeout time.Duration, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	if err := b.check(ctx, timeout, dial); err != nil {
		return nil, err
	}
	conn, err := dial(ctx)
	if err != nil {
		b.failed(err)
	}
	return conn, err
}

// retryDelay is the function retryDelay, except that the result is negative if
// the server is down for longer than the grace: the command is not retried.
func (t *connTracker) retryDelay(attempts int, cmd rueidis.Completed, err error) time.Duration {
	delay := retryDelay(attempts, cmd, err)
	var connecting unsentError
	if !errors.As(err, &connecting) || connecting.breaker == nil {
		return delay
	}
	return min(delay, connecting.breaker.graceLeft())
}

// forgetAfter is how long an address that is down counts for the state, if no
// attempt to connect is made. A cluster may have removed the server.
const forgetAfter = time.Minute

// addState adds the state of the connections to s.
func (t *connTracker) addState(s *Stats) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var lastAttempt time.Time
	for _, b := range t.breakers {
		b.mu.Lock()
		down := b.down && (len(t.breakers) == 1 || time.Since(b.lastAttempt) < forgetAfter)
		switch {
		case down && (!s.Down || b.since.Before(s.Since)):
			s.Down, s.Since = true, b.since
		case !down && !b.down && !s.Down && b.since.After(s.Since):
			s.Since = b.since
		}
		if b.lastError != nil && b.lastAttempt.After(lastAttempt) {
			s.LastError, lastAttempt = b.lastError.Error(), b.lastAttempt
		}
		b.mu.Unlock()
	}
}

// trackedConn is a connection that a connTracker observes. It counts as
// connecting until the server first sends data.
type trackedConn struct {
	net.Conn
	tracker   *connTracker
	breaker   *breaker
	connected atomic.Bool // no longer counts as connecting
	closed    atomic.Bool
}

func (c *trackedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		closed, connecting := c.closed.Load(), !c.connected.Load()
		if !closed {
			c.tracker.broken.Store(true)
		}
		if connecting {
			err = unsentError{err, c.breaker}
		}
		if connecting && !closed {
			c.breaker.failed(err)
		}
		c.endConnecting()
		return n, err
	}
	c.tracker.lastRead.Store(int64(time.Since(epoch)))
	if !c.connected.Load() {
		c.tracker.broken.Store(false)
		c.breaker.connected()
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
