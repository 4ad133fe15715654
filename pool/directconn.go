package pool

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/redis/rueidis"
)

// directConn is a direct connection. Its reads end with the call that they
// belong to, and not only at the deadline of the call. Unlike rueidis with a
// pipelining connection, nobody reads it between two calls. So directConn
// checks before a call whether the server has ended it meanwhile.
type directConn struct {
	net.Conn
	direct   *direct
	ctx      context.Context // of the call; nil if it belongs to none
	deadline time.Time       // of the call
	wakeUp   time.Time       // the read deadline that is set
	begins   bool            // whether nothing of the call was sent
	unread   *unreadCheck
}

// callPoll is how often a read checks whether its call has ended.
const callPoll = 20 * time.Millisecond

// newDirectConn returns conn, or a directConn if ctx is that of direct.open.
func newDirectConn(ctx context.Context, conn net.Conn) net.Conn {
	d := directOf(ctx)
	if d == nil {
		return conn
	}
	c := &directConn{Conn: conn, direct: d, unread: newUnreadCheck(conn)}
	d.conn.Store(c)
	return c
}

func (c *directConn) SetDeadline(t time.Time) error {
	c.deadline, c.begins = t, true
	return c.SetWriteDeadline(t)
}

func (c *directConn) Write(b []byte) (int, error) {
	if c.begins {
		c.begins, c.ctx = false, c.direct.ctx
		if c.unread.found() {
			return 0, unsentError{error: errIdleClosed}
		}
	}
	return c.Conn.Write(b)
}

var errIdleClosed = errors.New("the connection ended while it was idle")

func (c *directConn) Read(b []byte) (int, error) {
	for {
		now := time.Now()
		if err := c.setWakeUp(now); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.ended(); err != nil {
			return 0, err
		}
	}
}

// setWakeUp sets the read deadline. It keeps an earlier one that is soon
// enough, since setting one costs more than checking it.
func (c *directConn) setWakeUp(now time.Time) error {
	at := now.Add(callPoll)
	if !c.deadline.IsZero() && c.deadline.Before(at) {
		at = c.deadline
	}
	if c.wakeUp.Sub(now) > callPoll/2 && !c.wakeUp.After(at) {
		return nil
	}
	c.wakeUp = at
	return c.SetReadDeadline(at)
}

// ended returns an error if the call that waits for a reply has ended.
func (c *directConn) ended() error {
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		return os.ErrDeadlineExceeded
	}
	if c.ctx != nil && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if at := c.direct.closeAt.Load(); at != 0 && int64(time.Since(epoch)) > at {
		return rueidis.ErrClosing
	}
	return nil
}

func (c *directConn) Close() error {
	c.direct.conn.CompareAndSwap(c, nil)
	return c.Conn.Close()
}
