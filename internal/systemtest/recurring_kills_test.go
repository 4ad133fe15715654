package systemtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Recurring triggers go on, without overlaps and without drift, although
// listeners and the server are killed and handlers fail. This is the short form
// of TestSoakRecurringTriggers.
func TestRecurringTriggersGoOn(t *testing.T) {
	pooltest.Long(t)
	recurringTest{triggers: 30, periods: 5, betweenKills: 150 * time.Millisecond, restarts: 3, lease: time.Second}.run(t)
}

// TestSoakRecurringTriggers is the long form of TestRecurringTriggersGoOn;
// `make soak` runs it.
func TestSoakRecurringTriggers(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	recurringTest{triggers: 300, periods: 90, betweenKills: 300 * time.Millisecond, restarts: 1 << 20, lease: 3 * time.Second}.run(t)
}

// recurringTest lets triggers recur every second in 4 processes, and kills the
// processes and restarts the server.
type recurringTest struct {
	triggers, periods int // how many triggers, and for how many periods
	betweenKills      time.Duration
	restarts          int // the most restarts of the server
	lease             time.Duration
}

func (c recurringTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	triggers, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "handlers")
	log := openHandlerLog(t, path, "parent")
	killed := killer{server: server, pause: c.betweenKills, restarts: c.restarts}
	for i := range 4 {
		killed.processes = append(killed.processes, &childProcess{
			t: t, test: "TestTriggerProcess", number: i, log: log,
			setting: triggerSetting{URL: server.URL(), Log: path, Lease: c.lease},
		})
	}
	const every = time.Second
	ends := time.Now().Add(time.Duration(c.periods) * every)
	kills, restarts := killed.run(t, func() {
		for i := range c.triggers {
			for triggers.SetPayloadEvery(ctx, setAgainAction, strconv.Itoa(i), i, every) != nil { // the server was killed
			}
		}
	}, func() bool { return time.Now().After(ends) })

	// Each trigger fires once more, and then it is deleted.
	listening, stop := context.WithCancel(ctx)
	result := make(chan error, 1)
	last := notingListener(t, p, openHandlerLog(t, path, "last"), c.lease, 1_000_000)
	go func() { result <- last.Run(listening) }()
	start := time.Now()
	for i := range c.triggers {
		id := strconv.Itoa(i)
		require.Eventually(t, func() bool {
			due, err := triggers.Due(ctx, setAgainAction, id)
			return err == nil && due.After(start.Add(every))
		}, time.Minute, 5*time.Millisecond, "the trigger %s does not go on", id)
		rule, err := triggers.Rule(ctx, setAgainAction, id)
		require.NoError(t, err)
		require.Equal(t, every, rule.Every)
		deleted, err := triggers.Delete(ctx, setAgainAction, id)
		require.NoError(t, err)
		require.True(t, deleted)
	}
	require.Eventually(t, func() bool { return noneScheduled(t, p) }, time.Minute, 5*time.Millisecond)
	stop()
	require.NoError(t, <-result)

	h := readHistory(t, path)
	repeats, bad := h.repeats()
	var drifted []string
	firings, fewest := 0, 1<<30
	for id, runs := range h.runs {
		times := map[int]bool{}
		last := runs[0].Items[0].N
		for _, r := range runs {
			due := r.Items[0].N
			if due < last || (due-last)%int(every.Milliseconds()) != 0 {
				drifted = append(drifted, fmt.Sprint(id, ": ", last, " is followed by ", due))
			}
			last, times[due] = due, true
		}
		firings, fewest = firings+len(times), min(fewest, len(times))
	}
	require.Len(t, h.runs, c.triggers)
	requireNone(t, "firings overlapped", h.overlaps)
	requireNone(t, "redeliveries had no higher attempt", bad)
	requireNone(t, "times are not on the grid", drifted)
	require.Greater(t, fewest, 1)
	t.Logf("%d triggers recurred every %v for %d periods; %d kills of listeners, %d of the server; %d firings, at least %d of each trigger; %d redeliveries",
		c.triggers, every, c.periods, kills, restarts, firings, fewest, repeats)
}
