package pool_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// mustDo sends a command and returns its reply. The command must succeed.
func mustDo(t testing.TB, c rueidis.CoreClient, args ...string) rueidis.RedisMessage {
	t.Helper()
	m, err := c.Do(withTimeout(t), c.B().Arbitrary(args...).Build()).ToMessage()
	require.NoError(t, err)
	return m
}

// freeAddr returns an address on which no server listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// silentServer returns the address of a server that accepts connections and
// never replies.
func silentServer(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return l.Addr().String()
}

// withTimeout returns a context with a deadline that is only reached if a call
// hangs.
func withTimeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
