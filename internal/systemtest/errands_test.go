package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// errands are items of queues and triggers: what calls were promised, and what
// handlers were given. Its invariant: what was promised while the servers were
// whole is delivered, and again only with an attempt that it never had.
type errands struct {
	pools    *pool.Pools
	services []string // whose slots lie on all primaries

	era atomic.Int64 // odd: nobody knows what the next primary has

	mu       sync.Mutex
	numbers  int
	firm     map[string]bool // promised
	given    map[string][]given
	failures int
	late     time.Duration // past a deadline, at worst
}

// given is one delivery. What was claimed when all was well is known to every
// later primary.
type given struct {
	attempt int
	firm    bool
}

const errandLease = time.Second

func newErrands(t *testing.T, p *pool.Pools) *errands {
	t.Helper()
	e := &errands{pools: p, firm: map[string]bool{}, given: map[string][]given{}}
	for third := range 3 {
		for n := 0; len(e.services) == third; n++ {
			if name := fmt.Sprint("service", n); part(keyspace.Slot(name)) == third {
				e.services = append(e.services, name)
			}
		}
	}
	return e
}

// part is the primary that a cluster of redistest gives a slot to.
func part(slot uint16) int { return int(slot) * 3 / keyspace.Slots }

// run has callers set triggers and enqueue items, and listeners and workers do
// the work, until stop. Work goes on until the end of the test.
func (e *errands) run(t *testing.T, callers int) (stop func()) {
	t.Helper()
	for range 2 {
		e.listen(t)
		for _, service := range e.services {
			e.work(t, service)
		}
	}
	triggers, err := symphony.NewTrigger(e.pools, "errands")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](e.pools, "errands")
	require.NoError(t, err)
	running, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				if (i+caller)%2 == 0 {
					e.call(t, "trigger ", func(ctx context.Context, n int) error {
						return triggers.SetPayload(ctx, "errand", strconv.Itoa(n), n, time.Duration(1+n%200)*time.Millisecond)
					})
					continue
				}
				e.call(t, "item ", func(ctx context.Context, n int) error {
					q := symphony.Queue{Service: e.services[n%3], Entity: strconv.Itoa(n % 5), Action: "a"}
					_, err := batch.Enqueue(ctx, q, n)
					return err
				})
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func (e *errands) listen(t *testing.T) {
	t.Helper()
	registry := expiry.NewRegistry()
	require.NoError(t, expiry.OnPayload(registry, "errand", func(_ context.Context, event expiry.Event, n int) error {
		if strconv.Itoa(n) != event.ID {
			t.Errorf("the trigger %s has the payload %d", event.ID, n)
		}
		e.deliver("trigger "+event.ID, event.Attempt)
		return nil
	}))
	l, err := expiry.NewListener(e.pools, registry, expiry.Config{Lease: errandLease, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	untilTheEnd(t, l.Run)
}

// work handles the queues of a service until the test ends.
func (e *errands) work(t *testing.T, service string) {
	t.Helper()
	handle := func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
		for _, item := range items {
			e.deliver(fmt.Sprint("item ", item.Value), item.Attempt)
		}
		return nil
	}
	untilTheEnd(t, func(ctx context.Context) error {
		return symphony.WorkBatches(ctx, e.pools, service, handle, symphony.WorkConfig{
			Workers: 2, ChunkSize: 10, Lease: errandLease, StopTimeout: time.Millisecond,
			Backoff: func(int, error) time.Duration { return 50 * time.Millisecond }, OnError: func(*symphony.WorkError) {},
		})
	})
}

// untilTheEnd runs a function until the test ends.
func untilTheEnd(t *testing.T, run func(context.Context) error) {
	t.Helper()
	running, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- run(running) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// call asks for one errand. It is promised for good where the servers were
// whole from the call's beginning to its end.
func (e *errands) call(t *testing.T, kind string, ask func(ctx context.Context, n int) error) {
	e.mu.Lock()
	e.numbers++
	n := e.numbers
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), failoverDeadline)
	defer cancel()
	era, begun := e.era.Load(), time.Now()
	err := ask(ctx, n)
	late := time.Since(begun) - failoverDeadline
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = max(e.late, late)
	if err == nil {
		e.firm[kind+strconv.Itoa(n)] = era%2 == 0 && era == e.era.Load()
		return
	}
	e.failures++
	var op *symphony.OpError
	if !errors.As(err, &op) {
		t.Errorf("an error without a type: %T %v", err, err)
	}
}

func (e *errands) deliver(name string, attempt int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.given[name] = append(e.given[name], given{attempt, e.era.Load()%2 == 0})
}

// undelivered counts what is promised for good and was not delivered.
func (e *errands) undelivered() (promised, left int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, firm := range e.firm {
		if firm {
			promised++
			if len(e.given[name]) == 0 {
				left++
			}
		}
	}
	return promised, left
}

// await waits until n more are promised for good, and fails after a minute in
// which nothing was.
func (e *errands) await(t *testing.T, n int) {
	t.Helper()
	last, _ := e.undelivered()
	want := last + n
	for at := time.Now(); last < want; time.Sleep(5 * time.Millisecond) {
		if now, _ := e.undelivered(); now > last {
			last, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "nothing is promised any more")
	}
}

// check waits until all is delivered, and looks at the repeats.
func (e *errands) check(t *testing.T) {
	t.Helper()
	promised, left := e.undelivered()
	for at := time.Now(); left > 0; time.Sleep(5 * time.Millisecond) {
		_, now := e.undelivered()
		if now < left {
			left, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "%d of %d that were promised are lost", left, promised)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	repeats := 0
	for name, deliveries := range e.given {
		had := map[int]bool{}
		for _, d := range deliveries {
			if e.firm[name] && had[d.attempt] {
				t.Errorf("%s came again with the attempt %d: %v", name, d.attempt, deliveries)
			}
			had[d.attempt] = had[d.attempt] || d.firm
		}
		repeats += len(deliveries) - 1
	}
	require.Less(t, e.late, 5*time.Second, "a call hung past its deadline")
	t.Logf("%d promised for good, %d delivered, %d repeats; %d calls failed, at worst %v after the deadline",
		promised, len(e.given), repeats, e.failures, max(0, e.late))
}

// failOver kills a primary that has told its replica all that was promised, and
// waits until the replica is the primary and takes errands.
func (e *errands) failOver(t *testing.T, primary, replica *redistest.Instance) {
	t.Helper()
	e.era.Add(1)
	redistest.WaitForReplica(t, primary, replica)
	primary.Kill()
	requirePrimary(t, replica)
	for begun := time.Now(); time.Since(begun) < 2*errandLease; time.Sleep(10 * time.Millisecond) {
		continue // handlers that were late have begun
	}
	e.era.Add(1)
}

func requirePrimary(t *testing.T, replica *redistest.Instance) {
	t.Helper()
	for begun := time.Now(); !replica.IsPrimary(); time.Sleep(10 * time.Millisecond) {
		require.Less(t, time.Since(begun), time.Minute, "the replica does not take over")
	}
}
