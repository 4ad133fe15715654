package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
)

// exported returns a file with the export of a tenant that has records, items,
// triggers and dead letters.
func exported(t *testing.T, s server) string {
	t.Helper()
	s.users(t, "acme", "u1", "u2")
	s.enqueue(t, "acme", "u1", "a", "b")
	s.deadLetters(t, "acme", "u2", "c")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "remind", "t2", time.Hour))
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	require.Equal(t, result{}, s.call("export", "acme", "-o", file))
	return file
}

// What export writes, import writes to another server. A dry run writes
// nothing.
func TestImport(t *testing.T) {
	from, to := newServer(t), newServer(t)
	file := exported(t, from)
	r := to.call("import", file, "-dry-run")
	require.Equal(t, result{exitOK, "6 lines can be imported\n", ""}, r)
	require.Empty(t, to.rows(t, "tenants"))
	require.Equal(t, result{exitOK, "6 lines imported; run Reindex for what has indexes\n", ""}, to.call("import", file))
	require.Equal(t, withoutBeside(from.rows(t, "tenants")), withoutBeside(to.rows(t, "tenants")))
	require.Len(t, to.rows(t, "dead"), 2)

	for _, flags := range [][]string{nil, {"-dry-run"}} {
		r = to.call(append([]string{"import", file}, flags...)...)
		require.Equal(t, exitProblem, r.code)
		require.Contains(t, r.err, "-into-existing")
		require.Empty(t, r.out)
	}
	require.Equal(t, []map[string]any{{"lines": 6.0, "dry_run": false}}, to.rows(t, "import", "-into-existing", file))
	require.Equal(t, []string{"4"}, columnOf(to.rows(t, "queues", "-service", "mail", "-entity", "u1"), "waiting"))

	other := newServer(t)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	r = runProgram(terminal{in: strings.NewReader(string(text))}, "import", "-", "-url", other.URL())
	require.Equal(t, exitOK, r.code, r.err)
	require.Len(t, other.rows(t, "tenants"), 1)
}

// withoutBeside leaves out the keys of the library beside the others, such as
// those of triggers that fired.
func withoutBeside(rows []map[string]any) []map[string]any {
	for _, row := range rows {
		delete(row["kinds"].(map[string]any), "beside")
	}
	return rows
}

func TestImportFails(t *testing.T) {
	s := newServer(t)
	file := exported(t, s)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	to := newServer(t)
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	require.NoError(t, os.WriteFile(broken, whole[:len(whole)-20], 0o600))
	r := to.call("import", broken, "-dry-run")
	require.Equal(t, exitProblem, r.code)
	require.NotContains(t, r.err, "symphony erase")
	require.Empty(t, to.rows(t, "tenants"), "a dry run has written")
	r = to.call("import", broken)
	require.Equal(t, exitProblem, r.code, "not as if Redis did not answer: %s", r.err)
	require.Contains(t, r.err, "symphony erase")
	require.NotEmpty(t, to.rows(t, "tenants"))

	require.NoError(t, os.WriteFile(broken, []byte("{}\n"), 0o600))
	require.Equal(t, exitProblem, to.call("import", broken).code)
	require.Equal(t, exitUsage, to.call("import", filepath.Join(t.TempDir(), "none")).code)
	require.Equal(t, exitUsage, to.call("import").code)
	require.Equal(t, exitUsage, to.call("import", file, file).code)
	require.Equal(t, exitUsage, to.call("import", file, "-pool", "nothing").code)
}

// The bar shows the bytes of the file.
func TestImportProgress(t *testing.T) {
	s := newServer(t)
	file := exported(t, s)
	to := newServer(t)
	r := runProgram(terminal{in: strings.NewReader(""), errIsTerminal: true}, "import", file, "-url", to.URL())
	require.Equal(t, exitOK, r.code)
	require.Contains(t, r.err, " bytes")
	require.NotContains(t, r.err, " keys")
	require.True(t, strings.HasSuffix(r.err, "\r\x1b[K"))
}

// fullWriter fails as a full disk or a closed pipe does.
type fullWriter struct{ after int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

// An error of the output reaches the exit code, in a table, in JSON, and in
// what a command says after a change. The change was made.
func TestOutputFails(t *testing.T) {
	s := newServer(t)
	file := exported(t, s)
	other := newServer(t)
	call := func(s server, after int, args ...string) int {
		out := &fullWriter{after: after}
		var errs strings.Builder
		code := run(ctx, append(args, s.flags...), terminal{in: strings.NewReader(""), out: out, err: &errs})
		if code != exitOK && out.after < 0 { // check also fails because of what it finds
			require.Contains(t, errs.String(), os.ErrClosed.Error(), args)
		}
		return code
	}
	for _, args := range [][]string{
		{"tenants"}, {"queues"}, {"queues", "-service", "mail"}, {"triggers", "-tenant", "acme"}, {"dead"}, {"show", "acme/user/u1"}, {"top", "-n", "1"},
		{"check"}, {"export", "acme"}, {"erase", "acme", "-dry-run"}, {"help"}, {"help", "check"},
	} {
		require.Equal(t, exitProblem, call(s, 0, args...), args)
		require.Equal(t, exitProblem, call(s, 10, args...), args)
		if args[0] != "help" {
			require.Equal(t, exitProblem, call(s, 0, append(args, "-json")...), args)
		}
		require.LessOrEqual(t, call(s, 1<<20, args...), exitProblem, args)
	}
	require.Len(t, s.rows(t, "dead"), 2)
	require.Equal(t, exitProblem, call(s, 0, "retry", "-of", "queue", "-all", "-yes"))
	require.Len(t, s.rows(t, "dead"), 1, "it was redelivered")
	require.Equal(t, exitProblem, call(s, 0, "discard", "-all", "-yes", "-json"))
	require.Empty(t, s.rows(t, "dead"), "it was removed")
	require.Equal(t, exitProblem, call(other, 0, "import", file))
	require.Len(t, other.rows(t, "tenants"), 1, "it was imported")
	require.Equal(t, exitProblem, call(other, 0, "erase", "acme", "-yes"))
	require.Empty(t, other.rows(t, "tenants"), "it was erased")
}

// A long table fails at the part that cannot be written, and reads no more.
func TestLongOutputFails(t *testing.T) {
	s := &session{terminal: terminal{out: &fullWriter{}}, connection: &connection{}, bar: &bar{}}
	read := 0
	_, err := printRows(s, []column[int]{{"N", func(int) string { return "x" }}}, func(yield func(int, error) bool) {
		for ; read < 3*flushRows && yield(read, nil); read++ {
		}
	})
	require.ErrorIs(t, err, os.ErrClosed)
	require.LessOrEqual(t, read, flushRows)
}
