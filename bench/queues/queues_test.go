package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/internal/redistest"
)

// measured runs a command on a database of a server, and returns what it
// prints. The database and the configuration of the server are then as before.
func measured(t *testing.T, args ...string) string {
	t.Helper()
	s := redistest.Server(t)
	c := s.Client(t, 5)
	config := func() map[string]string {
		all, err := c.Do(t.Context(), c.B().ConfigGet().Parameter("*").Build()).AsStrMap()
		require.NoError(t, err)
		return all
	}
	before := config()
	var out bytes.Buffer
	require.NoError(t, queues.Run(t.Context(), append(args, "-url", s.URL()+"/5"), &out))
	require.Equal(t, before, config())
	keys, err := c.Do(t.Context(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Empty(t, keys)
	return out.String()
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

func TestWake(t *testing.T) {
	t.Parallel()
	out := measured(t, "wake", "-items", "5", "-rare", "0", "-rounds", "1", "-settle", "100ms")
	for _, c := range fleet.Contestants() {
		require.Len(t, lines(out, c.Name), 2, out)
	}
	for _, line := range lines(out, "asynq") {
		require.Regexp(t, `^asynq( +[0-9.]+ [mnµ]?s){4} +[0-9.]+ +[0-9.]+x$`, line)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	out := measured(t, "idle", "-tenants", "20", "-settle", "100ms", "-for", "2s")
	rows := regexp.MustCompile(`(?m)^queues +(0|20) +[14] +symphony +([0-9.]+) `).FindAllStringSubmatch(out, -1)
	require.Len(t, rows, 4, out)
	for _, row := range rows {
		require.NotEqual(t, "0.00", row[2], "idle workers look")
	}
	require.Len(t, regexp.MustCompile(`(?m)^queues +(0|20) +[14] +asynq `).FindAllString(out, -1), 4, out)
	require.Len(t, regexp.MustCompile(`(?m)^listener, actions: (1|100) +0 +[14] +symphony `).FindAllString(out, -1), 4, out)
}

func TestLook(t *testing.T) {
	t.Parallel()
	out := measured(t, "look", "-most", "300", "-tenants", "20", "-busy", "5", "-settle", "200ms", "-for", "500ms")
	for _, size := range []string{"3", "30", "300"} {
		require.Len(t, lines(out, size), len(obstacles)*len(crews), out)
		for _, line := range lines(out, size) {
			require.NotRegexp(t, `^\d+ +0 `, line, "workers look")
			require.NotContains(t, line, "NaN")
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	out := measured(t, "order", "-conversations", "30", "-messages", "4", "-rounds", "1", "-time", "1ms")
	require.Len(t, lines(out, "asynq, one handler"), 1, out)
	require.Len(t, lines(out, "asynq, groups"), 1, out)
	require.Len(t, lines(out, "symphony"), 2, out)
	for _, line := range append(lines(out, "symphony"), lines(out, "asynq, one handler")...) {
		require.Regexp(t, ` [1-9]\d* +0 +0$`, line, "all messages in order, without overlaps")
	}
}

func TestDisorderIsSeen(t *testing.T) {
	b := &book{left: 5, done: make(chan struct{}), talks: map[string]*talk{}}
	b.begin("a", []int{0, 1})()
	end := b.begin("a", []int{3})
	b.begin("a", []int{2})()
	end()
	b.begin("b", []int{0})()
	<-b.done
	total := tally{messages: 1}
	total.add(b)
	require.Equal(t, tally{messages: 6, disorder: 2, overlaps: 1}, total)
}

func TestPurposes(t *testing.T) {
	for command, want := range map[string]purpose{
		"SMEMBERS pending_batches:s":                              look,
		"EVALSHA abc 2 %tenants:{pending_batches:s} other":        look,
		"EVALSHA abc 1 a:batch:s:e:wait":                          look,
		"EVALSHA abc 2 %tenants:{pending_batches:s} a:batch:s:e:": sweep,
		"SCAN 0 MATCH *":                                          sweep,
		"SSCAN pending_batches:s 0":                               sweep,
		"LRANGE %claim-1:a:batch:s:e:work 0 -1":                   work,
		"EVALSHA abc 1 a:batch:s:e:work pending_batches:s":        work,
		"SADD pending_batches:s a":                                work,
		"PING":                                                    work,
	} {
		require.Equal(t, want, purposeOf(strings.Fields(command)), command)
	}
}

// The log holds the commands that clients sent, with their time, without those
// of scripts.
func TestLog(t *testing.T) {
	s := redistest.Server(t)
	c := s.Client(t, 0)
	log, err := openLog(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, log.begin(t.Context()))
	do := func(words ...string) rueidis.RedisResult { return c.Do(t.Context(), c.B().Arbitrary(words...).Build()) }
	require.NoError(t, do("EVAL", "for i = 1, 20000 do redis.call('SADD', KEYS[1], i) end return 1", "1", "pending_batches:x").Error())
	require.NoError(t, do("SET", "a", "b").Error())
	row, err := log.end(t.Context(), time.Second)
	require.NoError(t, err)
	require.InDelta(t, 1, row.looks, 0.01)
	require.Greater(t, row.looking, 100*time.Microsecond)
	require.Greater(t, row.all, row.looking)
	require.Positive(t, row.processor)
	require.NoError(t, log.close())
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"sleep"}, `"sleep" is not one of wake`},
		{[]string{"look", "-only", "none"}, `-only: "none" is not in flight`},
		{[]string{"wake", "surplus"}, `"surplus" is not a flag`},
		{[]string{"-url", "redis://127.0.0.1:1"}, "127.0.0.1:1 does not answer"},
		{[]string{"idle", "-url", "http://x"}, "-url: pool.Config.URLs"},
	} {
		require.ErrorContains(t, queues.Run(t.Context(), test.args, &bytes.Buffer{}), test.says, "%q", test.args)
	}
}
