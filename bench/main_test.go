package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/internal/redistest"
)

// The test program is the program itself, so that it can be interrupted.
func TestMain(m *testing.M) {
	if os.Getenv("BENCH_IS_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

var tiny = []string{"-rounds", "2", "-time", "1ms", "-n", "100"}

// keys are all that a database holds.
func keys(t *testing.T, c rueidis.Client) []string {
	t.Helper()
	all, err := c.Do(t.Context(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	return all
}

// A run of everything on a real server: each contestant does what it must,
// every figure is there, and nothing is left behind.
func TestEndToEnd(t *testing.T) {
	s := redistest.Server(t, "notify-keyspace-events KA")
	folder := t.TempDir()
	url := s.URL() + "/0" // where go-redis has a client-side cache
	var out, status bytes.Buffer
	require.NoError(t, run(t.Context(), append([]string{"-url", url, "-callers", "1,8", "-report", folder}, tiny...), &out, &status))

	found, err := results.ReadFile(filepath.Join(folder, "data.json"))
	require.NoError(t, err)
	who := map[string][]string{}
	for _, r := range found.Rows {
		require.Len(t, r.Samples, 2, "%s, %s", r.Contest, r.Contestant)
		for _, s := range r.Samples {
			require.Positive(t, s.Nanoseconds)
			require.Equal(t, r.Contest != peers.CachedGet, s.Commands > 0, "%s, %s", r.Contest, r.Contestant)
		}
		require.NotEmpty(t, r.How)
		if r.Callers == 1 {
			who[r.Contest] = append(who[r.Contest], r.Contestant)
		}
	}
	require.Equal(t, map[string][]string{
		peers.Get:       {"symphony", "rueidis", "om", "go-redis", "go-redis auto", "redigo"},
		peers.Upsert:    {"symphony", "rueidis", "om", "go-redis", "redigo"},
		peers.Update:    {"symphony", "rueidis", "om", "go-redis", "redigo"},
		peers.GetMany:   {"symphony", "rueidis", "om", "go-redis", "redigo"},
		peers.Find:      {"symphony", "rueidis", "go-redis", "redigo"},
		peers.KVGet:     {"symphony", "rueidis", "go-redis", "redigo"},
		peers.KVSet:     {"symphony", "rueidis", "go-redis", "redigo"},
		peers.CachedGet: {"symphony", "rueidis", "om", "go-redis cache", "otter"},
		peers.Enqueue:   {"symphony", "rueidis", "go-redis", "redigo", "asynq"},
		peers.Process:   {"symphony", "rueidis", "asynq"},
		peers.Schedule:  {"symphony", "rueidis", "go-redis", "asynq"},
		peers.Claim:     {"symphony", "asynq"},
		peers.Append:    {"symphony", "rueidis"},
		peers.Read:      {"symphony", "rueidis"},
	}, who)
	for _, test := range []struct{ contest, contestant, commands string }{
		{peers.Get, "symphony", "HMGET"},
		{peers.Get, "go-redis", "HGETALL"},
		{peers.Upsert, "symphony", "EVALSHA"},
		{peers.Upsert, "om", "EVALSHA"},
		{peers.GetMany, "redigo", "100 HGETALL"},
		{peers.KVSet, "go-redis", "SET"},
	} {
		r, ok := found.Find(results.Row{Contest: test.contest, Callers: 8}, test.contestant)
		require.True(t, ok)
		require.Equal(t, test.commands, r.Wire.Commands)
		require.InDelta(t, 1, r.Wire.Trips, 0, test)
	}
	ours, ok := found.Find(results.Row{Contest: peers.CachedGet, Callers: 8}, "symphony")
	require.True(t, ok)
	require.Zero(t, ours.Stale.Own.Stale, "what was written is read")
	require.Positive(t, ours.Stale.Own.Of)
	stale, _ := found.Find(results.Row{Contest: peers.CachedGet, Callers: 1}, "otter")
	require.Zero(t, stale.Stale.Own.Stale)
	require.Equal(t, stale.Stale.Others.Of, stale.Stale.Others.Stale, "otter hears of no one")

	require.Contains(t, out.String(), "Get, 8 callers (baseline: rueidis)")
	require.Regexp(t, "Get, 1 caller: speed, go-redis = 1 .* (met|missed)\n", out.String())
	require.Contains(t, status.String(), "Claim, 8 callers")
	c := s.Client(t, 0)
	require.Empty(t, keys(t, c))
	events, err := c.Do(t.Context(), c.B().ConfigGet().Parameter("notify-keyspace-events").Build()).AsStrMap()
	require.NoError(t, err)
	require.Equal(t, "AK", events["notify-keyspace-events"], "the server's configuration is as it was")
}

func TestCompareWithAnOlderRun(t *testing.T) {
	s, folder := redistest.Server(t), t.TempDir()
	args := append([]string{"-url", s.URL() + "/3", "-callers", "4", "-only", "get", "-report", folder}, tiny...)
	require.NoError(t, run(t.Context(), args, io.Discard, io.Discard))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), append([]string{"-compare", filepath.Join(folder, "data.json")}, args...), &out, io.Discard))
	require.Contains(t, out.String(), "Compared with the old run")
	require.Contains(t, out.String(), "too few rounds")
	require.ErrorContains(t, run(t.Context(), []string{"-compare", "none.json"}, io.Discard, io.Discard), "-compare: open none.json")
}

func TestGrowth(t *testing.T) {
	s := redistest.Server(t)
	o, err := parse([]string{"-url", s.URL() + "/3", "-callers", "1", "-only", "kv set", "-rounds", "1", "-time", "1ms", "-n", "512", "-growth"}, io.Discard)
	require.NoError(t, err)
	o.largest = 1024
	found, err := o.measure(t.Context(), io.Discard)
	require.NoError(t, err)
	var names []string
	for _, c := range found.Growth {
		if c.Contestant == "symphony" {
			names = append(names, c.Operation+" by "+c.Along)
		}
		require.NotEmpty(t, c.Points)
	}
	require.Equal(t, []string{
		"Get by callers", "Upsert by callers", "Get by fields", "Upsert by fields",
		"Get by size of the record", "Upsert by size of the record", "Get by records", "Find by records",
		"Find by foreign keys", "All by foreign keys", "IDs by foreign keys", "DeleteAll by foreign keys",
		"cached Get, cold by entries", "cached Get, warm by entries", "cached Get by a list",
	}, names)
	require.Empty(t, found.Memory, "that of a few entries does not stand out")
	require.Empty(t, keys(t, s.Client(t, 3)))
}

// Idle processes have a row each, and the listeners too.
func TestIdle(t *testing.T) {
	s := redistest.Server(t)
	o, err := parse([]string{"-url", s.URL() + "/3", "-callers", "1", "-only", "kv set", "-rounds", "1", "-time", "1ms", "-n", "100", "-idle"}, io.Discard)
	require.NoError(t, err)
	o.resting = fleet.Idle{Tenants: 10, Settle: 100 * time.Millisecond, For: time.Second}
	var status bytes.Buffer
	found, err := o.measure(t.Context(), &status)
	require.NoError(t, err)
	require.Contains(t, status.String(), "[6/6] idle, processes: 4, drained tenants: 10")
	var text bytes.Buffer
	require.NoError(t, o.tell(found, nil, &text))
	for _, line := range []string{"queues +0 +1 +symphony", "queues +10 +4 +asynq", "listener, actions: 1 +0 +4 +symphony", "listener, actions: 100 +0 +1 +symphony"} {
		require.Regexp(t, line+" +\\d+\\.\\d\\d ", text.String())
	}
	require.Regexp(t, "idle, listener, actions: 100, processes: 4: .* at most 1.00 +(met|missed)", text.String())
	require.Empty(t, keys(t, s.Client(t, 3)))
}

// On a database that others use nothing is written, unless it was asked for;
// and then nothing of theirs is touched.
func TestForeignKeys(t *testing.T) {
	s := redistest.Server(t)
	c := s.Client(t, 2)
	foreign := []string{"asynq:queues", "asynq:{theirs}:pending", "their:key"}
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key(foreign[2]).Value("x").Build()).Error())
	require.NoError(t, c.Do(t.Context(), c.B().Sadd().Key(foreign[0]).Member("theirs").Build()).Error())
	require.NoError(t, c.Do(t.Context(), c.B().Rpush().Key(foreign[1]).Element("task").Build()).Error())
	args := append([]string{"-url", s.URL() + "/2", "-callers", "2", "-only", "KV Get,Enqueue"}, tiny...)

	err := run(t.Context(), args, io.Discard, io.Discard)
	require.ErrorContains(t, err, "contains keys of other programs")
	require.ErrorContains(t, err, "-force")
	require.ElementsMatch(t, foreign, keys(t, c))

	require.NoError(t, run(t.Context(), append([]string{"-force"}, args...), io.Discard, io.Discard))
	require.ElementsMatch(t, foreign, keys(t, c))
	members, err := c.Do(t.Context(), c.B().Smembers().Key(foreign[0]).Build()).AsStrSlice()
	require.NoError(t, err)
	require.Equal(t, []string{"theirs"}, members)
}

// What a killed run left is no reason to refuse, and is removed.
func TestLeftovers(t *testing.T) {
	s := redistest.Server(t)
	c := s.Client(t, 2)
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key(peers.Mark+":x").Value("x").Build()).Error())
	require.NoError(t, c.Do(t.Context(), c.B().Sadd().Key("asynq:queues").Member(peers.Mark).Build()).Error())
	require.NoError(t, run(t.Context(), append([]string{"-url", s.URL() + "/2", "-callers", "2", "-only", "KV Get"}, tiny...), io.Discard, io.Discard))
	require.Empty(t, keys(t, c))
}

// An interrupted program removes what it wrote, in whatever it was interrupted.
func TestInterrupt(t *testing.T) {
	for contest, signal := range map[string]os.Signal{"Get": os.Interrupt, "Claim": syscall.SIGTERM, "Enqueue": os.Interrupt} {
		t.Run(contest, func(t *testing.T) {
			s := redistest.Server(t)
			c := s.Client(t, 5)
			cmd := exec.Command(os.Args[0], "-url", s.URL()+"/5", "-only", contest, "-callers", "8", "-rounds", "10000", "-time", "20ms")
			cmd.Env = append(os.Environ(), "BENCH_IS_PROGRAM=1")
			var status bytes.Buffer
			steps, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			for !strings.Contains(status.String(), "[2/") { // it measures
				piece := make([]byte, 1000)
				n, err := steps.Read(piece)
				status.Write(piece[:n])
				require.NoError(t, err, status.String())
			}
			require.Eventually(t, func() bool { return len(keys(t, c)) > 0 }, 30*time.Second, time.Millisecond)
			require.NoError(t, cmd.Process.Signal(signal))
			rest, err := io.ReadAll(steps)
			require.NoError(t, err)
			err = cmd.Wait()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 130, exit.ExitCode(), string(rest))
			require.Contains(t, string(rest), "interrupted; the keys that were written are removed")
			require.Empty(t, keys(t, c))
		})
	}
}

// After an error too nothing is left.
func TestErrorLeavesNothing(t *testing.T) {
	s := redistest.Server(t)
	c := s.Client(t, 4)
	require.NoError(t, c.Do(t.Context(), c.B().Arbitrary("ACL", "SETUSER", "default", "-hincrby").Build()).Error())
	err := run(t.Context(), append([]string{"-url", s.URL() + "/4", "-callers", "2", "-only", "Update"}, tiny...), io.Discard, io.Discard)
	require.ErrorContains(t, err, "Update, rueidis")
	require.Empty(t, keys(t, c))
}

// A contestant whose result is wrong is not measured.
func TestWrongResultsAreNotMeasured(t *testing.T) {
	s := redistest.Server(t)
	ctx := t.Context()
	o, err := parse(append([]string{"-url", s.URL() + "/0", "-only", "Get", "-callers", "2"}, tiny...), io.Discard)
	require.NoError(t, err)
	p, err := peers.Open(ctx, o.target(), false)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.NoError(t, p.Seed(ctx))
	c, err := p.Contest(peers.Get)
	require.NoError(t, err)
	require.NoError(t, c.Check(ctx))
	look := s.Client(t, 0)
	require.NoError(t, look.Do(ctx, look.B().Hset().Key(peers.Mark+":user:id000001").FieldValue().FieldValue("level", "8").Build()).Error())
	require.ErrorContains(t, c.Check(ctx), "unexpected result")
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-callers", "0"}, `-callers: "0"`},
		{[]string{"-callers", "many"}, `-callers: "many"`},
		{[]string{"-only", "Gett"}, `-only: no contest begins with "Gett"`},
		{[]string{"-only", ","}, `-only: no contest`},
		{[]string{"-n", "10"}, "-n: 10 records are too few"},
		{[]string{"-n", "2000000"}, "at most 1000000"},
		{[]string{"-n", "200"}, "at least 512"},
		{[]string{"-rounds", "-1"}, "-rounds"},
		{[]string{"-time", "1us"}, "-time"},
		{[]string{"-context", "none"}, "-context"},
		{[]string{"surplus"}, `"surplus" is not a flag`},
		{[]string{"-url", "http://x"}, "-url: pool.Config.URLs"},
		{[]string{"-url", "redis://127.0.0.1:1"}, "127.0.0.1:1 does not answer"},
		{[]string{"-url", "redis://joe:hunter2:127.0.0.1:1"}, "a login ends with an @"},
	} {
		err := run(t.Context(), test.args, io.Discard, io.Discard)
		require.ErrorContains(t, err, test.says, "%q", test.args)
	}
	o, err := parse([]string{"-only", "get,kv", "-quick"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{peers.Get, peers.KVGet, peers.KVSet}, o.only)
	require.Equal(t, []int{64}, o.callers)
}

func TestPasswordsAreNotTold(t *testing.T) {
	err := run(t.Context(), []string{"-url", "redis://user:geheim@127.0.0.1:1/0"}, io.Discard, io.Discard)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "geheim")
}

func TestWithoutServer(t *testing.T) {
	t.Setenv("PATH", "")
	require.ErrorContains(t, run(t.Context(), nil, io.Discard, io.Discard), "needs redis-server in the path")
}

// A canceled run ends between any two calls.
func TestCanceled(t *testing.T) {
	s := redistest.Server(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, append([]string{"-url", s.URL() + "/0", "-callers", "2"}, tiny...), io.Discard, io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, keys(t, s.Client(t, 0)))
}
