package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test program is its own worker, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		main()
		return
	}
	os.Exit(m.Run())
}

func needServer(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" || os.Getenv("REDISTEST_REQUIRED") == "1" {
		t.Fatal("redis-server is not installed")
	}
	t.Skip("redis-server is not installed; `make redis` does that")
}

// What was acknowledged runs, although the server and the workers are killed
// while it is set and while it runs.
func TestNothingIsLost(t *testing.T) {
	needServer(t)
	r, err := chaosConfig{triggers: 4000, serverKills: 4, workerKills: 4, workers: 3, sync: "always"}.run()
	require.NoError(t, err)
	require.NoError(t, r.verdict("always"))
	require.Equal(t, 4000, r.acknowledged)
	t.Log(r)
}

// The same run without a file loses triggers: a loss would be seen.
func TestALossIsSeen(t *testing.T) {
	needServer(t)
	r, err := chaosConfig{triggers: 2000, serverKills: 2, workerKills: 2, workers: 2, sync: "off"}.run()
	require.NoError(t, err)
	require.NoError(t, r.verdict("off"))
	require.Positive(t, r.lost)
}

// Triggers that fall due beside many others fire once, and never early.
func TestDueTriggersFireOnce(t *testing.T) {
	needServer(t)
	r, err := dueConfig{pending: 3000, due: 1000, over: time.Second, lead: 3 * time.Second, listeners: 4}.run()
	require.NoError(t, err)
	require.Equal(t, 1000, r.fired)
}

func TestPeersRun(t *testing.T) {
	needServer(t)
	schedule, drain, err := peersConfig{n: 300, rounds: 1, callers: 8, workers: 20}.run()
	require.NoError(t, err)
	require.Contains(t, schedule.String(), "ratio")
	require.Contains(t, drain.String(), "ratio")
}
