//go:build unix

package pool

import (
	"errors"
	"net"
	"syscall"
)

// canFindUnread is whether an unreadCheck can look at a connection.
const canFindUnread = true

// unreadCheck looks at a connection that nobody reads. It allocates nothing,
// because it is made before each direct call.
type unreadCheck struct {
	raw    syscall.RawConn // nil if the connection cannot be looked at
	look   func(fd uintptr)
	peeked error
	b      [1]byte
}

func newUnreadCheck(conn net.Conn) *unreadCheck {
	u := new(unreadCheck)
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	if c, ok := conn.(syscall.Conn); ok {
		u.raw, _ = c.SyscallConn()
	}
	u.look = func(fd uintptr) { _, _, u.peeked = syscall.Recvfrom(int(fd), u.b[:], syscall.MSG_PEEK) }
	return u
}

// found reports whether the connection has ended or has data. A server that
// closes a connection may send data first, such as an alert of TLS. It takes
// nothing from the connection, and does not wait, since sockets of Go are
// non-blocking.
func (u *unreadCheck) found() bool {
	if u.raw == nil {
		return false
	}
	err := u.raw.Control(u.look)
	return err != nil || !errors.Is(u.peeked, syscall.EAGAIN) && !errors.Is(u.peeked, syscall.EINTR)
}
