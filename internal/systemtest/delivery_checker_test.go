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

// deliveryChecker enqueues items and sets triggers, and records their
// deliveries. Its invariant: what was acknowledged outside a failover is
// delivered, and no redelivery has the attempt of an earlier durable delivery.
type deliveryChecker struct {
	pools    *pool.Pools
	services []string // one for each primary, by the slot of the name

	phase atomic.Int64 // odd while a failover is in progress

	mu             sync.Mutex
	lastNumber     int
	guaranteed     map[string]bool // true if the whole call was outside a failover
	deliveries     map[string][]delivery
	failures       int
	longestOverrun time.Duration // past a deadline
}

// delivery is one call of a handler. It is durable if it happened outside a
// failover, since every later primary then knows its attempt.
type delivery struct {
	attempt int
	durable bool
}

const deliveryLease = time.Second

func newDeliveryChecker(t *testing.T, p *pool.Pools) *deliveryChecker {
	t.Helper()
	d := &deliveryChecker{pools: p, guaranteed: map[string]bool{}, deliveries: map[string][]delivery{}}
	for third := range 3 {
		for n := 0; len(d.services) == third; n++ {
			if name := fmt.Sprint("service", n); primaryOf(keyspace.Slot(name)) == third {
				d.services = append(d.services, name)
			}
		}
	}
	return d
}

// primaryOf returns the index of the primary that serves a slot in a cluster
// of redistest.
func primaryOf(slot uint16) int { return int(slot) * 3 / keyspace.Slots }

// start runs callers that set triggers and enqueue items until stop is called.
// Listeners and workers run until the test ends.
func (d *deliveryChecker) start(t *testing.T, callers int) (stop func()) {
	t.Helper()
	for range 2 {
		d.startListener(t)
		for _, service := range d.services {
			d.startWorkers(t, service)
		}
	}
	triggers, err := symphony.NewTrigger(d.pools, "deliveries")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](d.pools, "deliveries")
	require.NoError(t, err)
	running, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := 0; running.Err() == nil; i++ {
				if (i+caller)%2 == 0 {
					d.submit(t, "trigger ", func(ctx context.Context, n int) error {
						return triggers.SetPayload(ctx, "deliver", strconv.Itoa(n), n, time.Duration(1+n%200)*time.Millisecond)
					})
					continue
				}
				d.submit(t, "item ", func(ctx context.Context, n int) error {
					q := symphony.Queue{Service: d.services[n%3], Entity: strconv.Itoa(n % 5), Action: "a"}
					_, err := batch.Enqueue(ctx, q, n)
					return err
				})
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// startListener runs a listener until the test ends.
func (d *deliveryChecker) startListener(t *testing.T) {
	t.Helper()
	registry := expiry.NewRegistry()
	require.NoError(t, expiry.OnPayload(registry, "deliver", func(_ context.Context, event expiry.Event, n int) error {
		if strconv.Itoa(n) != event.ID {
			t.Errorf("the trigger %s has the payload %d", event.ID, n)
		}
		d.recordDelivery("trigger "+event.ID, event.Attempt)
		return nil
	}))
	l, err := expiry.NewListener(d.pools, registry, expiry.Config{Lease: deliveryLease, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	runUntilTestEnds(t, l.Run)
}

// startWorkers runs workers on the queues of a service until the test ends.
func (d *deliveryChecker) startWorkers(t *testing.T, service string) {
	t.Helper()
	handle := func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
		for _, item := range items {
			d.recordDelivery(fmt.Sprint("item ", item.Value), item.Attempt)
		}
		return nil
	}
	runUntilTestEnds(t, func(ctx context.Context) error {
		return symphony.WorkBatches(ctx, d.pools, service, handle, symphony.WorkConfig{
			Workers: 2, ChunkSize: 10, Lease: deliveryLease, StopTimeout: time.Millisecond,
			Backoff: func(int, error) time.Duration { return 50 * time.Millisecond }, OnError: func(*symphony.WorkError) {},
		})
	})
}

// runUntilTestEnds calls run with a context that ends with the test.
func runUntilTestEnds(t *testing.T, run func(context.Context) error) {
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

// submit sends one item or trigger. Its delivery is guaranteed if no failover
// was in progress from the beginning of the call to its end.
func (d *deliveryChecker) submit(t *testing.T, kind string, send func(ctx context.Context, n int) error) {
	d.mu.Lock()
	d.lastNumber++
	n := d.lastNumber
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), failoverDeadline)
	defer cancel()
	phase, begun := d.phase.Load(), time.Now()
	err := send(ctx, n)
	overrun := time.Since(begun) - failoverDeadline
	d.mu.Lock()
	defer d.mu.Unlock()
	d.longestOverrun = max(d.longestOverrun, overrun)
	if err == nil {
		d.guaranteed[kind+strconv.Itoa(n)] = phase%2 == 0 && phase == d.phase.Load()
		return
	}
	d.failures++
	var op *symphony.OpError
	if !errors.As(err, &op) {
		t.Errorf("the error is not an *OpError: %T %v", err, err)
	}
}

func (d *deliveryChecker) recordDelivery(name string, attempt int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deliveries[name] = append(d.deliveries[name], delivery{attempt, d.phase.Load()%2 == 0})
}

// progress returns how many items and triggers are guaranteed, and how many of
// them were not delivered yet.
func (d *deliveryChecker) progress() (guaranteed, undelivered int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, isGuaranteed := range d.guaranteed {
		if isGuaranteed {
			guaranteed++
			if len(d.deliveries[name]) == 0 {
				undelivered++
			}
		}
	}
	return guaranteed, undelivered
}

// waitForGuaranteed waits until n more items and triggers are guaranteed. It
// fails if none is added for a minute.
func (d *deliveryChecker) waitForGuaranteed(t *testing.T, n int) {
	t.Helper()
	last, _ := d.progress()
	want := last + n
	for at := time.Now(); last < want; time.Sleep(5 * time.Millisecond) {
		if now, _ := d.progress(); now > last {
			last, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "no call was acknowledged for a minute")
	}
}

// requireAllDelivered waits until everything guaranteed is delivered, and
// requires a new attempt for each redelivery.
func (d *deliveryChecker) requireAllDelivered(t *testing.T) {
	t.Helper()
	guaranteed, undelivered := d.progress()
	for at := time.Now(); undelivered > 0; time.Sleep(5 * time.Millisecond) {
		_, now := d.progress()
		if now < undelivered {
			undelivered, at = now, time.Now()
		}
		require.Less(t, time.Since(at), time.Minute, "%d of %d guaranteed items and triggers were not delivered", undelivered, guaranteed)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	redeliveries := 0
	for name, deliveries := range d.deliveries {
		durableAttempts := map[int]bool{}
		for _, delivery := range deliveries {
			if d.guaranteed[name] && durableAttempts[delivery.attempt] {
				t.Errorf("%s was redelivered with attempt %d, which an earlier delivery had: %v", name, delivery.attempt, deliveries)
			}
			durableAttempts[delivery.attempt] = durableAttempts[delivery.attempt] || delivery.durable
		}
		redeliveries += len(deliveries) - 1
	}
	require.Less(t, d.longestOverrun, 5*time.Second, "a call returned too long after its deadline")
	t.Logf("%d guaranteed, %d delivered, %d redeliveries; %d calls failed, the latest returned %v after its deadline",
		guaranteed, len(d.deliveries), redeliveries, d.failures, max(0, d.longestOverrun))
}

// failOver kills a primary after its replica has received all writes, and
// waits until the replica is promoted.
func (d *deliveryChecker) failOver(t *testing.T, primary, replica *redistest.Instance) {
	t.Helper()
	d.phase.Add(1)
	redistest.WaitForReplica(t, primary, replica)
	primary.Kill()
	waitForPromotion(t, replica)
	for begun := time.Now(); time.Since(begun) < 2*deliveryLease; time.Sleep(10 * time.Millisecond) {
		continue // a handler that was started before the kill has recorded its delivery
	}
	d.phase.Add(1)
}

// waitForPromotion waits until the replica is a primary.
func waitForPromotion(t *testing.T, replica *redistest.Instance) {
	t.Helper()
	for begun := time.Now(); !replica.IsPrimary(); time.Sleep(10 * time.Millisecond) {
		require.Less(t, time.Since(begun), time.Minute, "the replica was not promoted within a minute")
	}
}
