package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

type profile struct {
	Name string `redis:"name"`
	Age  int    `redis:"age"`
}

// server is what the program is called for in a test, with pools to write to
// it. Instance is nil if it is a cluster.
type server struct {
	*redistest.Instance
	pools *pool.Pools
	flags []string // of each call
}

func serverAt(t *testing.T, s *redistest.Instance, url string, flags ...string) server {
	t.Helper()
	pools := pooltest.Redis(t, pool.Config{URL: url, Timeout: time.Minute})
	return server{s, pools, append(flags, "-url", url)}
}

func newServer(t *testing.T) server {
	t.Helper()
	s := redistest.Server(t)
	return serverAt(t, s, s.URL())
}

// result is the outcome of a command.
type result struct {
	code     int
	out, err string
}

// call runs the program as in a pipe.
func (s server) call(args ...string) result {
	return runProgram(terminal{in: strings.NewReader("")}, append(args, s.flags...)...)
}

func runProgram(t terminal, args ...string) result {
	var out, err bytes.Buffer
	t.out, t.err = &out, &err
	code := run(ctx, args, t)
	return result{code, out.String(), err.String()}
}

// rows requires success and returns the lines of -json.
func (s server) rows(t *testing.T, args ...string) (rows []map[string]any) {
	t.Helper()
	r := s.call(append(args, "-json")...)
	require.Equal(t, exitOK, r.code, r.err)
	for line := range strings.Lines(r.out) {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &row), line)
		rows = append(rows, row)
	}
	return rows
}

// table requires success and returns the cells of a table.
func (s server) table(t *testing.T, args ...string) (cells [][]string) {
	t.Helper()
	r := s.call(args...)
	require.Equal(t, exitOK, r.code, r.err)
	return split(r.out)
}

// split returns the cells of a table, which are two spaces or more apart.
func split(table string) (cells [][]string) {
	for line := range strings.Lines(table) {
		var row []string
		for cell := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				row = append(row, cell)
			}
		}
		cells = append(cells, row)
	}
	return cells
}

// users stores users of a tenant.
func (s server) users(t *testing.T, tenant string, ids ...string) {
	t.Helper()
	users, err := symphony.NewUser[profile](s.pools, tenant)
	require.NoError(t, err)
	for _, id := range ids {
		require.NoError(t, users.Upsert(ctx, id, profile{"Ann", 30}))
	}
}

func TestTenants(t *testing.T) {
	s := newServer(t)
	require.Empty(t, s.call("tenants").out)
	s.users(t, "acme", "u1", "u2")
	s.users(t, "evil\x1b[2J", "u1")
	accounts, err := symphony.NewUser[profile](s.pools, "zoo", symphony.NoTTL())
	require.NoError(t, err)
	require.NoError(t, accounts.Upsert(ctx, "u1", profile{}))
	answers, err := symphony.NewFeed[string](s.pools, "acme", "answers")
	require.NoError(t, err)
	_, err = answers.Append(ctx, "u1", "hello")
	require.NoError(t, err)

	require.Equal(t, [][]string{
		{"TENANT", "USERS", "STATES", "ROWS", "SHARED", "VALUES", "FEEDS", "LIMITS", "PERMANENT", "ITEMS", "TRIGGERS", "DEAD"},
		{"acme", "2", "0", "0", "0", "0", "1", "0", "0", "0", "0", "0"},
		{`"evil\x1b[2J"`, "1", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0"},
		{"zoo", "1", "0", "0", "0", "0", "0", "0", "1", "0", "0", "0"},
	}, s.table(t, "tenants"))
	require.Equal(t, []map[string]any{
		{"tenant": "acme", "kinds": map[string]any{"user": 2.0, "feed": 1.0}},
		{"tenant": "evil\x1b[2J", "kinds": map[string]any{"user": 1.0}},
		{"tenant": "zoo", "kinds": map[string]any{"user": 1.0, "permanent": 1.0}},
	}, s.rows(t, "tenants"))
}

// The whole program never sends KEYS, and its walks respect the rate.
func TestWalkIsLimited(t *testing.T) {
	pooltest.Long(t)
	s := newServer(t)
	users, err := symphony.NewUser[profile](s.pools, "acme")
	require.NoError(t, err)
	records := make([]hashrepo.Record[profile], 5000)
	for i := range records {
		records[i].ID = strconv.Itoa(i)
	}
	require.NoError(t, users.UpsertMany(ctx, records...))
	began := time.Now()
	require.Len(t, s.table(t, "tenants", "-rate", "2500"), 2)
	// The first 1000 keys of the first walk come at once. The least time is a
	// property of the limiter, however slow the machine is.
	require.GreaterOrEqual(t, time.Since(began), time.Second)
	require.NotContains(t, pooltest.CommandCalls(t, s.pools, pool.User), "keys")
}

// Only a terminal sees the progress.
func TestProgress(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1")
	require.Empty(t, s.call("tenants").err)
	r := runProgram(terminal{in: strings.NewReader(""), errIsTerminal: true}, "tenants", "-url", s.URL())
	require.Equal(t, exitOK, r.code)
	require.Contains(t, r.err, "\r[##############################] 100% of 1 keys")
	require.True(t, strings.HasSuffix(r.err, "\r\x1b[K"), "the bar is removed: %q", r.err)

	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "MOVE", "acme:user:u1", "0").Error())
	r = runProgram(terminal{in: strings.NewReader(""), errIsTerminal: true}, "tenants", "-single", "-url", s.URL())
	require.Contains(t, r.err, " 100% of 1 keys", "a database that pools share is walked over once")
}

// An interrupted walk says so, and leaves no bar.
func TestInterrupt(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1")
	running, stop := context.WithCancel(ctx)
	screen := &interrupter{stop: stop}
	code := run(running, append([]string{"tenants"}, s.flags...), terminal{out: &screen.Buffer, err: screen, errIsTerminal: true})
	require.Equal(t, exitProblem, code)
	require.Contains(t, screen.String(), "\r\x1b[Ksymphony: interrupted\n")
}

// interrupter calls stop at the first write.
type interrupter struct {
	stop func()
	bytes.Buffer
}

func (w *interrupter) Write(p []byte) (int, error) {
	w.stop()
	return w.Buffer.Write(p)
}

// A long table is printed in parts.
func TestLongTable(t *testing.T) {
	var out bytes.Buffer
	s := &session{terminal: terminal{out: &out}, connection: &connection{}, bar: &bar{}}
	n, err := printRows(s, []column[int]{{"N", strconv.Itoa}, {"M", strconv.Itoa}}, func(yield func(int, error) bool) {
		for i := range 2*flushRows + 1 {
			if !yield(i, nil) {
				return
			}
			if i == flushRows {
				require.Equal(t, flushRows+1, strings.Count(out.String(), "\n"), "the first part is written")
			}
		}
	})
	require.NoError(t, err)
	require.Equal(t, 2*flushRows+1, n)
	require.Equal(t, 3, strings.Count(out.String(), "M\n"), "each part has a header")
	require.Equal(t, 2*flushRows+1+3, strings.Count(out.String(), "\n"))
}

func TestExitCodes(t *testing.T) {
	s := newServer(t)
	stopped := redistest.Server(t)
	stopped.Kill()
	for _, test := range []struct {
		code int
		text string
		args []string
	}{
		{exitUsage, "symphony help lists them", nil},
		{exitUsage, `no command "tenant"`, []string{"tenant"}},
		{exitUsage, "flag provided but not defined: -x", []string{"tenants", "-x"}},
		{exitUsage, `takes no arguments, but got "acme"`, []string{"tenants", "acme"}},
		{exitUsage, `no layout "ruby"`, []string{"tenants", "-layout", "ruby"}},
		{exitUsage, "-rate is 10", []string{"tenants", "-rate", "10"}},
		{exitUsage, "URL", []string{"tenants", "-url", "http://127.0.0.1"}},
		{exitConnection, "does not answer", []string{"tenants", "-url", stopped.URL(), "-timeout", "1s"}},
		{exitConnection, "", []string{"tenants", "-url", "redis://nobody:secret@" + s.Addr()}},
	} {
		r := runProgram(terminal{}, test.args...)
		require.Equal(t, test.code, r.code, test.args)
		require.Empty(t, r.out)
		require.Contains(t, r.err, test.text)
		require.NotContains(t, r.err, "secret")
	}
	for _, args := range [][]string{{"help"}, {"-h"}, {"help", "tenants"}, {"tenants", "-h"}} {
		r := runProgram(terminal{}, args...)
		require.Equal(t, exitOK, r.code)
		require.Contains(t, r.out, "usage: symphony")
		require.Empty(t, r.err)
	}
}

// The environment applies, and flags win over it.
func TestEnvironment(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1")
	t.Setenv("REDIS_URL", s.URL())
	r := runProgram(terminal{}, "tenants")
	require.Contains(t, r.out, "acme")
	require.Contains(t, runProgram(terminal{}, "tenants", "-layout", "cluster").out, "acme")
	require.NotContains(t, runProgram(terminal{}, "tenants", "-layout", "cluster-by-tenant").out, "acme")
	require.NotContains(t, runProgram(terminal{}, "tenants", "-single").out, "acme")
	t.Setenv("REDIS_URL", "redis://127.0.0.1:1")
	require.Equal(t, r.out, s.call("tenants").out)
	t.Setenv("SYMPHONY_LAYOUT", "ruby")
	require.Equal(t, exitUsage, s.call("tenants").code)
}
