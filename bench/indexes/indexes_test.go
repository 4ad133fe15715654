package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/internal/redistest"
)

// measured runs a command on a database of a server, and returns what it
// prints. The database is then as before.
func measured(t *testing.T, args ...string) string {
	t.Helper()
	s := redistest.Server(t)
	var out bytes.Buffer
	require.NoError(t, indexes.Run(t.Context(), append(args, "-url", s.URL()+"/5"), &out))
	requireEmpty(t, s.Client(t, 5))
	return out.String()
}

func requireEmpty(t *testing.T, c rueidis.Client) {
	t.Helper()
	keys, err := c.Do(t.Context(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Empty(t, keys)
}

// lines returns the lines of a table that begin with a name.
func lines(out, name string) (found []string) {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, name+"  ") {
			found = append(found, line)
		}
	}
	return found
}

func TestWrite(t *testing.T) {
	t.Parallel()
	out := measured(t, "write", "-rounds", "2", "-time", "1ms", "-callers", "1,3", "-n", "100")
	const time = `[0-9.]+ [µm]s`
	for _, name := range []string{"no list, no index", "Listed", "two indexes"} {
		require.Len(t, lines(out, name), len(waysToUpsert)*2, out)
		for _, line := range lines(out, name) {
			require.Regexp(t, `^[a-zL, ]+ `+time+` +[0-9.]+x +[0-9.]+x to [0-9.]+x( +`+time+`){3} +\d+ +1 +[A-Z]`, line)
		}
	}
	for _, way := range waysToUpsert {
		require.Contains(t, out, "\n"+way.name+", 1 caller\n")
		require.Contains(t, out, "\n"+way.name+", 3 callers\n")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	out := measured(t, "read", "-rounds", "2", "-time", "1ms", "-callers", "2", "-n", "2020")
	for name, trips := range map[string]string{
		"Get": "1", "FindOne by a unique text": "1", "GetMany": "1", "Page from a time on": "1", "Page by a token": "1",
		"Find between two times": "1", "Count of all records": "1", "Count between two times": "1",
	} {
		found := lines(out, name)
		require.NotEmpty(t, found, out)
		for _, line := range found {
			require.Regexp(t, ` \d+ +`+trips+` +(\d+ )?[A-Z]+$`, line)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	out := measured(t, "memory", "-n", "300")
	beside := func(name string) int {
		found := lines(out, name)
		require.Len(t, found, 1, out)
		bytes, err := strconv.Atoi(strings.Fields(strings.TrimPrefix(found[0], name))[1])
		require.NoError(t, err)
		return bytes
	}
	require.Zero(t, beside("neither list nor index"))
	require.Positive(t, beside("Listed"))
	require.Greater(t, beside("index of a text of 24 bytes"), beside("Listed"))
	require.Greater(t, beside("index of a list of three texts of 8 bytes"), beside("index of an int64"))
	require.Contains(t, lines(out, "index of a time")[0], "%index:m-Time")
}

// The measured operations keep the lists and the indexes.
func TestFill(t *testing.T) {
	t.Parallel()
	s := redistest.Server(t)
	b, err := openBed(t.Context(), s.URL()+"/5", nil)
	require.NoError(t, err)
	defer b.pools.Close()
	require.NoError(t, fill(t.Context(), b.indexed, batch+1, recordOf))
	c := s.Client(t, 5)
	space := ":{" + peers.Mark + "-indexed:user:}"
	for _, key := range []string{"%ids" + space, "%index" + space + ":t-email", "%index" + space + ":m-created"} {
		n, err := c.Do(t.Context(), c.B().Zcard().Key(key).Build()).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, batch+1, n, key)
	}
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"x"}, `"x" is not one of write, read, memory`},
		{[]string{"write", "-n", "63"}, "use at least 64"},
		{[]string{"write", "-callers", "1,x"}, `-callers: "x" is not a number`},
		{[]string{"write", "-callers", "0"}, `-callers: "0" is not a number`},
		{[]string{"read", "-n", "2019"}, "use at least 2020"},
		{[]string{"memory", "-n", "0"}, "0 records are too few"},
		{[]string{"memory", "x"}, `"x" is not a flag`},
	} {
		args := test.args
		require.ErrorContains(t, indexes.Run(t.Context(), args, &bytes.Buffer{}), test.says, "%q", args)
	}
}
