//go:build !unix

package pool

import "net"

const canFindUnread = false

type unreadCheck struct{}

func newUnreadCheck(net.Conn) *unreadCheck { return nil }

func (*unreadCheck) found() bool { return false }
