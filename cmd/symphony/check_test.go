package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// durableServer is a server in which check finds nothing.
func durableServer(t *testing.T) server {
	t.Helper()
	s := redistest.Server(t, "appendonly yes")
	return serverAt(t, s, s.URL())
}

func TestCheckFindsNothing(t *testing.T) {
	s := durableServer(t)
	s.users(t, "acme", "u1", "u2")
	accounts, err := symphony.NewUser[profile](s.pools, "zoo", symphony.NoTTL())
	require.NoError(t, err)
	require.NoError(t, accounts.Upsert(ctx, "u1", profile{}))
	s.enqueue(t, "acme", "u1", "a")
	s.deadLetters(t, "acme", "u2", "a")
	s.deadTriggers(t, "remind", [2]string{"acme", "u1"})
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "SET", "of-another-program", "x").Error())
	r := s.call("check")
	require.Equal(t, exitOK, r.code, r)
	require.Regexp(t, `^problems: 0; keys checked: \d+, of which 1 match no pattern of the layout\n$`, r.out)
	require.Empty(t, s.rows(t, "check"))
}

func TestCheckFinds(t *testing.T) {
	for name, test := range map[string]struct {
		check, key, text string
		spoil            func(s server)
	}{
		"a server without a file": {"server", "", "appendonly no", func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.User, "CONFIG", "SET", "appendonly", "no").Error())
		}},
		"eviction": {"server", "", "evicts", func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.User, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru").Error())
		}},
		"a wrong type": {"type", "acme:user:u3", "string in place of hash", func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.User, "SET", "acme:user:u3", "x").Error())
		}},
		"a queue of a wrong type": {"type", "acme:batch:mail:u1:send", "hash in place of list", func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.Handlers, "HSET", "acme:batch:mail:u1:send", "a", "b").Error())
		}},
		"a forgotten lifetime": {"lifetime", "acme:user:u2", `of 2 records acme/user/*, 1 have no lifetime`, func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.User, "PERSIST", "acme:user:u2").Error())
		}},
		"a strange dead letter": {"dead", "", "remove it with Discard", func(s server) {
			require.NoError(t, pooltest.Do(t, s.pools, pool.Handlers, "HSET", "%dead:{acme:batch:mail:u1:send}", "id1", "junk").Error())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := durableServer(t)
			s.users(t, "acme", "u1", "u2")
			test.spoil(s)
			r := s.call("check", "-json")
			require.Equal(t, exitProblem, r.code, r)
			require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
			require.Contains(t, r.out, fmt.Sprintf(`"check":%q`, test.check))
			require.Contains(t, r.out, test.key)
			require.Contains(t, strings.ReplaceAll(r.out, `\"`, `"`), test.text)
			require.Empty(t, r.err)
			require.Contains(t, s.call("check").out, "\nproblems: 1; ")
		})
	}
}

func TestTop(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1")
	rows := s.rows(t, "top", "-n", "2", "-interval", "1ms")
	require.Len(t, rows, 2)
	for _, row := range rows {
		require.Equal(t, s.Addr(), row["addr"])
		require.Equal(t, "master", row["role"])
		require.InDelta(t, 1.0, row["keys"], 0)
		require.InDelta(t, 1.0, row["expiring"], 0)
		require.Len(t, row["pools"], 6)
		require.Positive(t, row["memory"])
		require.Positive(t, row["clients"])
		require.Regexp(t, `^\d+\.\d+\.\d+$`, row["version"])
	}
	out := s.call("top").out
	require.Contains(t, out, "appendonly no", "the findings of Report")
	require.NotContains(t, out, clearScreen)
	require.Equal(t, exitUsage, s.call("top", "-interval", "0").code)
}

// On a terminal it goes on until it is interrupted, which is no failure.
func TestTopOnTerminal(t *testing.T) {
	s := newServer(t)
	running, stop := context.WithCancel(ctx)
	out := &stopAfter{stop: stop}
	code := run(running, []string{"top", "-url", s.URL(), "-interval", "1ms"}, terminal{out: out, err: out, outIsTerminal: true})
	require.Equal(t, exitOK, code, out.String())
	require.GreaterOrEqual(t, strings.Count(out.String(), clearScreen), 2)
}

// A server that is lost has the exit code of one that never answered.
func TestConnectionIsLost(t *testing.T) {
	s := newServer(t)
	out := &stopAfter{stop: s.Kill}
	r := run(ctx, []string{"top", "-url", s.URL(), "-interval", "1ms"}, terminal{out: out, err: out, outIsTerminal: true})
	require.Equal(t, exitConnection, r, out.String())
}

// stopAfter calls stop once the screen was cleared twice.
type stopAfter struct {
	stop func()
	strings.Builder
}

func (w *stopAfter) Write(p []byte) (int, error) {
	if w.stop != nil && strings.Count(w.String(), clearScreen) >= 2 {
		w.stop()
		w.stop = nil
	}
	return w.Builder.Write(p)
}
