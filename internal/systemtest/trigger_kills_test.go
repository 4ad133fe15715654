package systemtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Two firings of a trigger do not overlap, and the last time at which it is set
// is followed by a firing, although listeners and the server are killed and
// handlers fail. This is the short form of TestSoakTriggers.
func TestFiringsDoNotOverlap(t *testing.T) {
	triggerTest{triggers: 40, sets: 40, betweenKills: 150 * time.Millisecond, restarts: 2, lease: time.Second}.run(t)
}

// TestSoakTriggers is the long form of TestFiringsDoNotOverlap; `make soak`
// runs it.
func TestSoakTriggers(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	triggerTest{triggers: 400, sets: 100, betweenKills: 300 * time.Millisecond, restarts: 1 << 20, lease: 3 * time.Second}.run(t)
}

// triggerTest sets each trigger again and again while handlers run, in 4
// processes, and kills the processes and restarts the server.
type triggerTest struct {
	triggers, sets int // how many triggers, and how often each is set
	betweenKills   time.Duration
	restarts       int // the most restarts of the server
	lease          time.Duration
}

const setAgainAction = "set-again"

func (c triggerTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	path := filepath.Join(t.TempDir(), "handlers")
	log := openHandlerLog(t, path, "parent")
	killed := killer{server: server, pause: c.betweenKills, restarts: c.restarts}
	for i := range 4 {
		killed.processes = append(killed.processes, &childProcess{
			t: t, test: "TestTriggerProcess", number: i, log: log,
			setting: triggerSetting{URL: server.URL(), Log: path, Lease: c.lease},
		})
	}
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	kills, restarts := killed.run(t, func() { c.set(t, p, log) }, func() bool {
		n, err := client.Do(ctx, client.B().Exists().Key("%exp:due:"+setAgainAction, "%exp:active:"+setAgainAction).Build()).AsInt64()
		return err == nil && n == 0
	})

	require.Subset(t, []string{"%exp:sweeping:" + setAgainAction, "%exp:swept:" + setAgainAction}, pooltest.Keys(t, p, pool.Expiry), "nothing is left of the triggers")
	h := readHistory(t, path)
	var lost []string
	firings := 0
	for id, place := range h.sets {
		if !slices.ContainsFunc(h.runs[id], func(r *handlerRun) bool { return r.place > place && r.did(r.Items[0].N) }) {
			lost = append(lost, id)
		}
		firings += len(h.runs[id])
	}
	repeats, bad := h.repeats()
	require.Len(t, h.sets, c.triggers)
	requireNone(t, "triggers did not fire after they were last set", lost)
	requireNone(t, "firings overlapped", h.overlaps)
	requireNone(t, "redeliveries had no higher attempt", bad)
	t.Logf("%d triggers, each set %d times; %d kills of listeners, %d of the server; %d handlers ran, %d of them redeliveries; %d triggers lost, %d overlaps (%d more of paused processes)",
		len(h.sets), c.sets, kills, restarts, firings, repeats, len(lost), len(h.overlaps), h.paused)
}

// set sets the triggers in random order. It notes each call before it begins.
// The last call of each trigger is repeated until Redis acknowledges it.
func (c triggerTest) set(t *testing.T, p *pool.Pools, log *handlerLog) {
	var callers sync.WaitGroup
	const count = 20
	for caller := range count {
		callers.Go(func() {
			triggers, err := symphony.NewTrigger(p, fmt.Sprint("tenant", caller%7))
			if err != nil {
				t.Error(err)
				return
			}
			var turns []int // a trigger for each call
			for n := caller; n < c.triggers; n += count {
				turns = append(turns, slices.Repeat([]int{n}, c.sets)...)
			}
			rand.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
			for i, n := range turns {
				last := !slices.Contains(turns[i+1:], n)
				for {
					if err := log.write(note{What: noteSet, Subject: strconv.Itoa(n)}); err != nil {
						t.Error(err)
						return
					}
					if err := setAgain(triggers, strconv.Itoa(n), last); err == nil || !last {
						break
					}
				}
				for end := time.Now().Add(rand.N(4 * time.Millisecond)); time.Now().Before(end); time.Sleep(time.Millisecond) {
				}
			}
		})
	}
	callers.Wait()
}

// setAgain sets a trigger in one of several ways. The last call does not delete
// it.
func setAgain(triggers *symphony.Trigger, id string, last bool) error {
	switch rand.N(10) {
	case 0:
		return triggers.Set(ctx, setAgainAction, id, rand.N(20*time.Millisecond))
	case 1:
		if !last {
			_, err := triggers.Delete(ctx, setAgainAction, id)
			return err
		}
		fallthrough
	default:
		return triggers.Debounce(ctx, setAgainAction, id, 5*time.Millisecond, 15*time.Millisecond)
	}
}

// triggerSetting is the setting of TestTriggerProcess. Log is the name of a
// handlerLog.
type triggerSetting struct {
	URL, Log string
	Lease    time.Duration
}

// TestTriggerProcess is not a test. It is a childProcess that runs a listener.
func TestTriggerProcess(t *testing.T) {
	alive, setting, name := childSetting[triggerSetting](t)
	log := openHandlerLog(t, setting.Log, name)
	p := openWhenReady(alive, setting.URL)
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On(setAgainAction, func(ctx context.Context, e expiry.Event) error {
		firing := []notedItem{{int(e.DueAt.UnixMilli()), e.ID, e.Attempt}}
		undone, err := log.run(ctx, e.ID, firing, 5*handlerTime(setting.Lease), setting.Lease, func() []int { return someOf(firing) })
		if err == nil && len(undone) > 0 {
			err = errHandlerFailed
		}
		return err
	}))
	l, err := expiry.NewListener(p, registry, expiry.Config{
		Workers: 16, Lease: setting.Lease, StopTimeout: time.Millisecond, MaxAttempts: 1_000_000, MaxExpiredLeases: 1_000_000,
		Backoff: func(int, error) time.Duration { return 5 * time.Millisecond }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, l.Run(alive))
}
