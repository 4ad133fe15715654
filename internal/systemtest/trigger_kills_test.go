package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// Firings of a trigger do not overlap while they become dead letters and are
// retried or discarded.
func TestDeadFiringsDoNotOverlap(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		path := filepath.Join(t.TempDir(), "handlers")
		log := openHandlerLog(t, path, "parent")
		listening, stop := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		var listeners []*expiry.Listener
		for i := range 3 {
			l := notingListener(t, p, openHandlerLog(t, path, strconv.Itoa(i)), time.Second, 1)
			listeners = append(listeners, l)
			running.Go(func() {
				if err := l.Run(listening); err != nil {
					t.Error(err)
				}
			})
		}
		var retried, discarded atomic.Int64
		// settle retries and discards dead letters, and returns their number.
		settle := func() (n int) {
			for e, err := range listeners[rand.N(3)].Dead(ctx) {
				if err != nil {
					t.Error(err)
					return -1
				}
				n++
				call, done := listeners[rand.N(3)].Retry, &retried
				if rand.N(4) == 0 {
					call, done = listeners[rand.N(3)].Discard, &discarded
				}
				if err := call(ctx, e); err == nil {
					done.Add(1)
				} else if !errors.Is(err, symphony.ErrNotFound) { // it was retried before
					t.Error(err)
				}
			}
			return n
		}
		var setting sync.WaitGroup
		set := make(chan struct{})
		setting.Go(func() {
			defer close(set)
			for retried.Load() == 0 || discarded.Load() == 0 {
				triggerTest{triggers: 20, sets: 30}.set(t, p, log)
				if t.Failed() {
					return
				}
			}
		})
		setting.Go(func() {
			for isSet := false; !isSet; {
				select {
				case <-set:
					isSet = true
				default:
					settle()
				}
			}
		})
		setting.Wait()
		require.Eventually(t, func() bool { return settle() == 0 && noneScheduled(t, p) }, time.Minute, 5*time.Millisecond)
		h := readHistory(t, path)
		_, bad := h.repeats()
		requireNone(t, "firings overlapped", h.overlaps)
		requireNone(t, "redeliveries had no higher attempt", bad)
		require.NotZero(t, retried.Load())
		require.NotZero(t, discarded.Load())
		t.Logf("%d dead letters were retried, and %d discarded", retried.Load(), discarded.Load())
	})
}

// noneScheduled reports whether no trigger is set and no firing is in flight or
// dead. Only the keys of sweeps are left.
func noneScheduled(t *testing.T, p *pool.Pools) bool {
	t.Helper()
	return !slices.ContainsFunc(pooltest.Keys(t, p, pool.Expiry), func(key string) bool {
		return !strings.Contains(key, ":swept:") && !strings.Contains(key, ":sweeping:")
	})
}

// A listener whose connection is bad loses its leases. Its handlers end before
// another firing of the trigger begins.
func TestFiringsWithABadConnection(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	good := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 10 * time.Second})
	bad := pooltest.Redis(t, pool.Config{URL: proxy.URL(), Timeout: 400 * time.Millisecond})
	path := filepath.Join(t.TempDir(), "handlers")
	log := openHandlerLog(t, path, "parent")
	listening, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for name, p := range map[string]*pool.Pools{"good": good, "bad": bad} {
		l := notingListener(t, p, openHandlerLog(t, path, name), 900*time.Millisecond, 1_000_000)
		running.Go(func() {
			if err := l.Run(listening); err != nil {
				t.Error(err)
			}
		})
	}
	running.Go(func() { disturb(listening, proxy) })
	triggerTest{triggers: 40, sets: 300}.set(t, good, log)
	require.Eventually(t, func() bool { return noneScheduled(t, good) }, time.Minute, 5*time.Millisecond)
	h := readHistory(t, path)
	_, repeated := h.repeats()
	requireNone(t, "firings overlapped", h.overlaps)
	requireNone(t, "redeliveries had no higher attempt", repeated)
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
	kills, restarts := killed.run(t, func() { c.set(t, p, log) }, func() bool { return p.Ping(ctx) == nil && noneScheduled(t, p) })

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
	require.NoError(t, notingListener(t, p, log, setting.Lease, 1_000_000).Run(alive))
}

// notingListener returns a listener whose handlers note what they do.
func notingListener(t *testing.T, p *pool.Pools, log *handlerLog, lease time.Duration, maxAttempts int) *expiry.Listener {
	t.Helper()
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On(setAgainAction, func(ctx context.Context, e expiry.Event) error {
		firing := []notedItem{{int(e.DueAt.UnixMilli()), e.ID, e.Attempt}}
		undone, err := log.run(ctx, e.ID, firing, 5*handlerTime(lease), lease, func() []int { return someOf(firing) })
		if err == nil && len(undone) > 0 {
			err = errHandlerFailed
		}
		return err
	}))
	l, err := expiry.NewListener(p, registry, expiry.Config{
		Workers: 16, Lease: lease, StopTimeout: time.Millisecond, MaxAttempts: maxAttempts, MaxExpiredLeases: maxAttempts,
		Backoff: func(int, error) time.Duration { return 5 * time.Millisecond }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return l
}
