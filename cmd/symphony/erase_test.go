package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Nothing is removed before the answer is yes, and nothing of another tenant.
func TestErase(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1", "u2")
	s.users(t, "zoo", "u1")
	s.enqueue(t, "acme", "u1", "a", "b")
	found := [][]string{{"KIND", "FOUND"}, {"beside", "1"}, {"pending", "1"}, {"queue", "1"}, {"user", "2"}, {"waiting", "2"}}
	answer := func(text string) result {
		return runProgram(terminal{in: strings.NewReader(text), inIsTerminal: true, errIsTerminal: true}, "erase", "acme", "-url", s.URL())
	}
	require.Equal(t, found, s.table(t, "erase", "acme", "-dry-run"))
	for _, text := range []string{"", "no\n", "\n"} {
		r := answer(text)
		require.Equal(t, exitProblem, r.code)
		require.Equal(t, found, split(r.out))
		require.Contains(t, r.err, "erase all of this of the tenant acme? [yes/no] ")
		require.Contains(t, r.err, "nothing was changed")
	}
	r := s.call("erase", "acme")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "add -yes")
	require.Equal(t, []string{"acme", "zoo"}, columnOf(s.rows(t, "tenants"), "tenant"))

	r = answer("yes\n")
	require.Equal(t, exitOK, r.code, r.err)
	require.Contains(t, r.out, "REMOVED")
	require.Equal(t, []string{"zoo"}, columnOf(s.rows(t, "tenants"), "tenant"))
	require.Equal(t, [][]string{{"KIND", "FOUND"}}, split(runProgram(terminal{inIsTerminal: true, errIsTerminal: true}, "erase", "acme", "-url", s.URL()).out))

	require.Equal(t, []map[string]any{{"tenant": "zoo", "dry_run": false, "removed": map[string]any{"user": 1.0}}}, s.rows(t, "erase", "zoo", "-yes"))
	require.Empty(t, s.rows(t, "tenants"))
	require.Equal(t, exitUsage, s.call("erase", "-yes").code)
	require.Equal(t, exitUsage, s.call("erase", "-yes", "a", "b").code)
}

// An erasure that the server refuses is a problem.
func TestEraseFails(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1")
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-unlink").Error())
	r := runProgram(terminal{}, "erase", "acme", "-yes", "-url", "redis://reader:pw@"+s.Addr())
	require.Equal(t, exitProblem, r.code)
	require.Contains(t, r.err, "unlink")
	require.NotContains(t, r.err, "pw@")
}

func TestExport(t *testing.T) {
	s := newServer(t)
	values, err := symphony.NewGeneric[string](s.pools, "acme") // the fields of hashes are in no order
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "a", "secret"))
	require.NoError(t, values.Set(ctx, "b", "secret"))
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	require.Equal(t, result{}, s.call("export", "acme", "-o", file))
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, s.call("export", "acme").out, string(written))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others cannot read the data of a tenant")
	r := s.call("export", "acme", "-o", file)
	require.Equal(t, exitProblem, r.code)
	require.Contains(t, r.err, "exists")

	other := newServer(t)
	require.NoError(t, symphony.Import(ctx, other.pools, strings.NewReader(string(written))))
	require.Equal(t, s.rows(t, "tenants"), other.rows(t, "tenants"))

	require.Equal(t, exitUsage, s.call("export").code)
	require.Equal(t, exitUsage, runProgram(terminal{outIsTerminal: true}, "export", "acme", "-url", s.URL()).code)
}

// A file that is not complete is removed.
func TestExportFails(t *testing.T) {
	s := newServer(t)
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "XADD", "acme:user:u1", "*", "a", "b").Error())
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	require.Equal(t, exitProblem, s.call("export", "acme", "-o", file).code)
	require.NoFileExists(t, file)
}
