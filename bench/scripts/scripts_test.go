package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
)

// measured runs a command on a database of a server, and returns what it
// prints. The database is then as before.
func measured(t *testing.T, args ...string) string {
	t.Helper()
	s := redistest.Server(t)
	var out bytes.Buffer
	require.NoError(t, scripts.Run(t.Context(), append(args, "-url", s.URL()+"/5"), &out))
	c := s.Client(t, 5)
	keys, err := c.Do(t.Context(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Empty(t, keys)
	return out.String()
}

func TestHashes(t *testing.T) {
	t.Parallel()
	requireTables(t, measured(t, "hashes", "-rounds", "2", "-time", "1ms"), hashes)
}

func TestQueues(t *testing.T) {
	t.Parallel()
	requireTables(t, measured(t, "queues", "-rounds", "2", "-time", "1ms"), queues)
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	requireTables(t, measured(t, "triggers", "-rounds", "2", "-time", "1ms"), triggers)
}

// requireTables requires a table of each operation, whose rows have a time of
// the server and commands. The last ratio is 1.
func requireTables(t *testing.T, out string, operations []operation) {
	t.Helper()
	tables := strings.Split(strings.TrimSpace(out), "\n\n")
	require.Len(t, tables, len(operations), out)
	for i, table := range tables {
		lines := strings.Split(table, "\n")
		require.Equal(t, operations[i].name, lines[0])
		require.Greater(t, len(lines), 3, out)
		for _, line := range lines[2:] {
			require.Regexp(t, `^ *[a-z ]+ +[0-9.]+ µs +[0-9.]+ +[0-9.]+ to [0-9.]+ .*[A-Z]+`, line)
		}
		require.Regexp(t, ` 1\.00 +1\.00 to 1\.00 `, lines[len(lines)-1])
	}
}

func TestReplyIsAnError(t *testing.T) {
	t.Parallel()
	s := redistest.Server(t)
	b, err := openBed(t.Context(), s.URL()+"/5")
	require.NoError(t, err)
	defer b.close()
	r := &recording{}
	r.add("SET", "k", "text")
	r.add("MULTI")
	r.add("HGET", "k", "f")
	r.add("EXEC")
	require.ErrorContains(t, b.pipeline.send(t.Context(), r), "EXEC: the server refused it: WRONGTYPE")
}
