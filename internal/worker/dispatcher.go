package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/alarm"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/subscription"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// dispatcher takes queues from the schedule and passes them to workers.
type dispatcher struct {
	*run
	name  string // of this process, for the lease of the sweep
	work  chan task
	freed chan Outcome      // a worker is free again
	sweep chan pending.Look // a sweep is due; has what Take found out about tenants

	alarm      *alarm.Alarm
	member     *testclock.Member // of a test's clock
	sweeping   atomic.Bool       // a sweep was requested and has not ended
	nextSweep  atomic.Int64      // when the next sweep may begin, in Unix nanoseconds
	crowd      crowd
	subscribed atomic.Bool // to the wake-ups

	free       int       // workers
	idle       int       // looks in a row that found nothing
	renewSweep time.Time // when the lease of the sweep is renewed
	swept      time.Time // when a sweep was last requested

	scanned // queues that are handed out although the schedule cannot be read
}

// task is a queue that a worker is to handle.
type task struct {
	pending.Queue
	place place // zero if places have no bound
}

// renewSweep is the time between two looks that ask for the lease of the
// sweep.
const renewSweep = 900 * time.Millisecond

// idleBackoff is the delay between two looks that find nothing, while there
// are no wake-ups.
var idleBackoff = retry.Backoff{First: 10 * time.Millisecond, Max: time.Second}

func newDispatcher(r *run) *dispatcher {
	d := &dispatcher{
		run: r, name: rand.Text(), free: r.Workers, alarm: alarm.New(),
		work: make(chan task, r.Workers), freed: make(chan Outcome, r.Workers), sweep: make(chan pending.Look, 1),
	}
	d.member = r.clock.Join("the workers of service "+strconv.Quote(r.pending.Service), d.alarm.Signal)
	return d
}

// dispatch runs the workers until ctx ends. If the pools are closed, it
// returns [pool.ErrClosed].
func (d *dispatcher) dispatch(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(d.work)
	defer d.member.Leave()
	for range d.Workers {
		workers.Go(func() { d.runWorker(ctx) })
	}
	for ctx.Err() == nil {
		d.alarm.Clear()
		d.member.Begin()
		wait, err := d.look(ctx)
		d.member.End(err == nil && d.free == d.Workers && !d.sweeping.Load())
		if errors.Is(err, pool.ErrClosed) {
			return err
		} else if err != nil {
			d.reportSeldom(ctx, "look", err)
		}
		d.wait(ctx, wait)
	}
	return nil
}

// runWorker handles queues until no more are passed to it.
func (d *dispatcher) runWorker(ctx context.Context) {
	for t := range d.work {
		outcome := Empty
		if ctx.Err() == nil {
			outcome = d.handleInPlace(ctx, t)
		}
		d.freePlace(ctx, t)
		if outcome == Handled {
			d.handledScanned(t.Queue)
		}
		d.freed <- outcome
	}
}

// look passes ready queues to free workers, and returns how long to wait for
// the next ones.
func (d *dispatcher) look(ctx context.Context) (time.Duration, error) {
	woken := d.crowd.woken.Swap(false)
	var sweeper pending.Sweeper
	now := d.clock.Now()
	if !now.Before(d.renewSweep) {
		sweeper.Name, d.renewSweep = d.name, now.Add(renewSweep)
		if !d.sweeping.Load() && now.UnixNano() >= d.nextSweep.Load() {
			sweeper.DrainedFor = drainedFor
		}
	}
	look, err := d.pending.TakeWithPlaces(ctx, d.Op, d.free, sweeper, d.Places)
	d.pass(d.tasks(look.Queues, look.Places, now))
	if look.Foreign != nil {
		d.reportSeldom(ctx, "foreign", look.Foreign)
	}
	if errors.Is(err, fault.ErrWrongType) || errors.Is(look.Foreign, fault.ErrWrongType) {
		err = errors.Join(err, d.scan(ctx, d.run))
	}
	d.pass(d.tasks(d.takeScanned(d.free), nil, now))
	if look.Sweep && sweeper.DrainedFor > 0 && (len(look.Drained) > 0 || look.Unscheduled > 0 || now.Sub(d.swept) > rescanEvery+sweepEvery) {
		d.swept = now
		d.sweeping.Store(true)
		d.sweep <- look
	}
	if woken {
		d.crowd.note(len(look.Queues) > 0)
	}
	if d.idle++; len(look.Queues) > 0 {
		d.idle = 0
	}
	wait := d.LongestWait
	if err != nil || !d.subscribed.Load() {
		wait = idleBackoff.Delay(d.idle)
	}
	if err == nil && look.Wait >= 0 {
		wait = min(wait, look.Wait)
	}
	return wait, err
}

// pass passes tasks to free workers.
func (d *dispatcher) pass(tasks []task) {
	for _, t := range tasks {
		d.free--
		d.work <- t
	}
}

// wait waits until a worker is free and there may be something to do.
func (d *dispatcher) wait(ctx context.Context, wait time.Duration) {
	deadline := time.Now().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for freed := false; !freed; {
		var elapsed <-chan time.Time
		if d.free > 0 {
			timer.Reset(time.Until(d.alarm.Before(deadline)))
			elapsed = timer.C
		}
		select {
		case outcome := <-d.freed:
			d.noteFreed(outcome)
			freed = true
		case <-d.alarm.Changed():
		case <-elapsed:
			return
		case <-ctx.Done():
			return
		}
	}
	for { // others may be free, too
		select {
		case outcome := <-d.freed:
			d.noteFreed(outcome)
		default:
			return
		}
	}
}

func (d *dispatcher) noteFreed(outcome Outcome) {
	d.free++
	if outcome == Handled {
		d.idle = 0
	}
	if outcome != Empty {
		d.member.Acted()
	}
}

// subscribe keeps a subscription to the wake-ups until ctx ends. Any node of a
// cluster has them all.
func (d *dispatcher) subscribe(ctx context.Context) {
	channel, err := d.pending.WakeChannel(ctx, d.Op)
	if err != nil {
		return // so does Take, and its error is reported
	}
	channels := subscription.Channels{channel: d.wakeUp}
	subscription.Subscription{
		Choices: []func(context.Context, rueidis.DedicatedClient) subscription.Channels{
			func(context.Context, rueidis.DedicatedClient) subscription.Channels { return channels },
		},
		Subscribed: func() {
			d.subscribed.Store(true)
			d.alarm.Signal()
		},
		Lost:    func() { d.subscribed.Store(false) },
		Refused: func(error) {},
	}.Run(ctx, d.pending.Client)
}

// wakeUp handles a wake-up, the number of milliseconds until a queue is ready.
func (d *dispatcher) wakeUp(message string) {
	if ms, err := strconv.ParseInt(message, 10, 64); err == nil && ms < d.LongestWait.Milliseconds() {
		d.crowd.woken.Store(true)
		d.alarm.Set(time.Now().Add(duration.FromMilliseconds(max(ms, 0)) + d.crowd.delay()))
	}
}
