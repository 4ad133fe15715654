package pool_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// replyingServer returns the address of a server that sends greeting at once,
// and reply when it gets something. It then closes the connection.
func replyingServer(t *testing.T, greeting, reply string) string {
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
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = c.Write([]byte(greeting))
				_, _ = bufio.NewReader(c).ReadByte()
				_, _ = c.Write([]byte(reply))
			}()
		}
	}()
	return l.Addr().String()
}

// The error of each known cause says whether the server answered, what it said,
// and how to mend it. One cause is one line, whatever the number of aliases.
func TestConnectErrorsNameCauseAndRemedy(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	withTLS := ca.Server(t, "127.0.0.2")
	plain := redistest.Server(t, "user joe on >joe ~* &* +@all -select", "user off off >off")
	locked := redistest.Server(t, "requirepass hunter2")
	http1 := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(http1.Close)
	full := redistest.Server(t, "maxclients 1")
	mustDo(t, full.Client(t, 0), "PING") // holds the only connection

	const answers, silent = "cannot be used", "does not answer"
	for name, c := range map[string]struct {
		url   string
		parts []string
	}{
		"no password":                 {"redis://" + locked.Addr(), []string{answers, "NOAUTH", "redis://:password@host", "Config.Credentials"}},
		"wrong password":              {"redis://:hunter3@" + locked.Addr(), []string{answers, "WRONGPASS", "check the user and the password"}},
		"disabled user":               {"redis://off:off@" + plain.Addr(), []string{answers, "WRONGPASS", "enabled"}},
		"password as user":            {"redis://hunter2@" + locked.Addr(), []string{answers, "WRONGPASS", "colon before it"}},
		"password as user, none set":  {"redis://hunter2@" + plain.Addr(), []string{answers, "WRONGPASS", "colon before it"}},
		"no permission":               {"redis://joe:joe@" + plain.Addr(), []string{answers, "+select", "Config.SingleDatabase"}},
		"TLS to a plain port":         {"rediss://" + plain.Addr(), []string{silent, "redis://"}},
		"TLS to HTTP":                 {"rediss://" + http1.Listener.Addr().String(), []string{answers, "no TLS: write redis://"}},
		"TLS to a port that closes":   {"rediss://" + replyingServer(t, "", ""), []string{silent, "no TLS, write redis://"}},
		"plain to a TLS port":         {"redis://" + withTLS.TLSAddr(), []string{silent, "rediss://"}},
		"plain to another TLS port":   {"redis://" + replyingServer(t, "", "\x15\x03\x01\x00\x02\x02\x46"), []string{answers, "speaks TLS", "rediss://"}},
		"an unknown authority":        {"rediss://" + withTLS.TLSAddr(), []string{answers, "unknown authority", "Config.TLS.RootCAs"}},
		"HTTP":                        {"redis://" + http1.Listener.Addr().String(), []string{answers, "speaks HTTP", "6379"}},
		"SSH":                         {"redis://" + replyingServer(t, "SSH-2.0-OpenSSH_9.6\r\n", ""), []string{answers, "speaks SSH"}},
		"SMTP":                        {"redis://" + replyingServer(t, "220 mail\r\n", ""), []string{answers, "SMTP"}},
		"MySQL":                       {"redis://" + replyingServer(t, "\x4a\x00\x00\x00\x0a8.0.32\x00", ""), []string{answers, "speaks MySQL"}},
		"PostgreSQL":                  {"redis://" + replyingServer(t, "", "E\x00\x00\x00\x0a"), []string{answers, "speaks PostgreSQL"}},
		"memcached":                   {"redis://" + replyingServer(t, "", "ERROR\r\n"), []string{answers, "speaks memcached"}},
		"an unknown protocol":         {"redis://" + replyingServer(t, "hello?", ""), []string{answers, "speaks another protocol"}},
		"a closed connection":         {"redis://" + replyingServer(t, "", ""), []string{silent, "another program", "rediss://"}},
		"maxclients":                  {"redis://" + full.Addr(), []string{answers, "max number of clients reached", "raise maxclients"}},
		"a port without a server":     {"redis://" + freeAddr(t), []string{silent, "connection refused", "start it"}},
		"a socket without a server":   {"unix://" + filepath.Join(shortTempDir(t), "r.sock"), []string{silent, "no such file", "unixsocket"}},
		"an unknown host":             {"redis://redis.invalid", []string{silent, "does not find the host"}},
		"a silent server":             {"redis://" + silentServer(t), []string{silent, "deadline exceeded", "firewall"}},
		"a silent server without TLS": {"rediss://" + silentServer(t), []string{silent, "firewall", "redis://"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := pool.Open(ctx, pool.Config{URL: c.url, Logger: slog.New(slog.DiscardHandler)})
			for _, e := range split[*pool.ConnectError](t, err) {
				require.Contains(t, err.Error(), string(e.Alias))
			}
			require.Equal(t, 0, strings.Count(err.Error(), "\n"), "%v", err)
			for _, part := range c.parts {
				require.Contains(t, err.Error(), part)
			}
			require.NotContains(t, err.Error(), "hunter")
		})
	}
}

func TestHostnameOfACertificate(t *testing.T) {
	requireLoopbackHosts(t)
	ca := redistest.NewAuthority(t)
	s := ca.Server(t, "127.0.0.2")
	_, port, err := net.SplitHostPort(s.TLSAddr())
	require.NoError(t, err)
	_, err = pool.Open(t.Context(), pool.Config{URL: "rediss://127.0.0.1:" + port, NewClient: newClientTrusting(ca)})
	require.ErrorContains(t, err, "valid for 127.0.0.2")
	require.ErrorContains(t, err, "Config.TLS.ServerName")
}

func TestHintWhileAServerLoads(t *testing.T) {
	s, end := startLoading(t)
	defer end()
	_, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "cannot be used: LOADING")
	require.ErrorContains(t, err, "give the context of Open more time")
	require.Equal(t, 0, strings.Count(err.Error(), "\n"), "%v", err)
}

// A database that does not exist is named for each alias, with all remedies.
func TestMissingDatabases(t *testing.T) {
	s := redistest.Server(t, "databases 9")
	_, err := pool.Open(t.Context(), pool.Config{URL: s.URL()})
	failed := split[*pool.ConnectError](t, err)
	require.Len(t, failed, 4)
	require.Equal(t, 15, failed[0].Database)
	require.Equal(t, "pool: default (database 15), handlers (database 10), symphony_shared_state (database 9), user (database 11) at "+s.Addr()+
		" cannot be used: DB index is out of range; "+failed[0].Hint, err.Error())
	for _, remedy := range []string{"`databases` in redis.conf", "Config.SingleDatabase", "Config.Databases, with Config.PrefixKeys"} {
		require.Contains(t, failed[0].Hint, remedy)
	}
}

// Each cause has a line with its aliases.
func TestConnectErrorsOfSeveralCauses(t *testing.T) {
	one, two := freeAddr(t), freeAddr(t)
	_, err := pool.Open(t.Context(), pool.Config{URLs: map[pool.Alias]string{
		"a": "redis://" + one + "/1", "b": "redis://" + two, "c": "redis://" + one + "/2",
	}})
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 2)
	require.True(t, strings.HasPrefix(lines[0], "pool: a, c at "+one+" does not answer: "), lines[0])
	require.True(t, strings.HasPrefix(lines[1], "pool: b at "+two+" does not answer: "), lines[1])
}

// The error of NewClient says nothing about the server.
func TestConnectErrorOfNewClient(t *testing.T) {
	broken := errors.New("broken")
	_, err := pool.Open(t.Context(), pool.Config{
		URLs:      map[pool.Alias]string{pool.User: "redis://h"},
		NewClient: func(rueidis.ClientOption) (rueidis.Client, error) { return nil, broken },
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, "pool: user at h:6379 cannot be used: broken", err.Error())
	require.Empty(t, split[*pool.ConnectError](t, err)[0].Hint)
}
