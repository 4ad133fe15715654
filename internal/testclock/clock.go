// Package testclock lets a test move the time of a server, and wait until the
// listeners and workers have done what is due then.
//
// A nil Clock is the usual case: the time is that of this machine. All methods
// of a nil Clock and of a nil Member are safe to call, and do nothing.
package testclock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal"
)

// Clock is a clock that stands still until a test moves it.
type Clock struct {
	claims sync.RWMutex // see Hold

	mu      sync.Mutex
	now     time.Time
	members map[*Member]bool
	runs    map[*context.Context]bool
	round   uint64        // of Settle
	actions uint64        // how often a member did something
	changed chan struct{} // closed when a member changes
}

type pools interface {
	Attached(_ internal.NotForPublicUse, key any, create func() any) any
}

type key struct{}

// Attach returns a clock for pools that have none yet.
func Attach(p pools, now time.Time) *Clock {
	c := &Clock{now: now, members: map[*Member]bool{}, runs: map[*context.Context]bool{}, changed: make(chan struct{})}
	p.Attached(internal.NotForPublicUse{}, key{}, func() any { return c })
	return c
}

// Of returns the clock of pools, or nil if they have none.
func Of(p pools) *Clock {
	return p.Attached(internal.NotForPublicUse{}, key{}, func() any { return (*Clock)(nil) }).(*Clock)
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	if c == nil {
		return time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Hold keeps the time of the clock until release is called, so that a claim and
// the time of its lease belong together. The caller must not call Hold again
// meanwhile.
func (c *Clock) Hold() (release func()) {
	if c == nil {
		return func() {}
	}
	c.claims.RLock()
	return c.claims.RUnlock
}

// Advance moves the time of the clock. It calls move with the new time, which
// moves the time of the server, and wakes all members.
func (c *Clock) Advance(d time.Duration, move func(time.Time)) {
	c.claims.Lock()
	c.mu.Lock()
	c.now = c.now.Add(d)
	now := c.now
	c.mu.Unlock()
	move(now)
	c.claims.Unlock()
	for _, m := range c.snapshot() {
		m.wake()
	}
}

func (c *Clock) snapshot() []*Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.members))
}

// ErrNothingRuns says that there is nothing to wait for.
var ErrNothingRuns = errors.New("no listener and no worker runs on these pools")

// Settle returns when a look of every member found nothing to do, and no member
// did anything since these looks began. If ctx ends before that, it returns an
// error that names the members that are busy.
func (c *Clock) Settle(ctx context.Context) error {
	for {
		c.mu.Lock()
		c.round++
		round, actions := c.round, c.actions
		c.mu.Unlock()
		for _, m := range c.snapshot() {
			m.wake()
		}
		if err := c.await(ctx, round); err != nil {
			return err
		}
		c.mu.Lock()
		same := actions == c.actions
		c.mu.Unlock()
		if same {
			return nil
		}
	}
}

// await waits until every member rests in a round.
func (c *Clock) await(ctx context.Context, round uint64) error {
	for {
		c.mu.Lock()
		var busy []string
		named := 0
		for m := range c.members {
			if m.name != "" {
				named++
			}
			if m.rested < round {
				busy = append(busy, m.name)
			}
		}
		changed := c.changed
		c.mu.Unlock()
		if named == 0 {
			return ErrNothingRuns
		}
		if len(busy) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("still busy: %s: %w", describe(busy), context.Cause(ctx))
		}
	}
}

func describe(names []string) string {
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
	if len(names) == 0 {
		return "the renewal of a lease"
	}
	return strings.Join(names, ", ")
}

// Member is something that looks for what is due, and is woken when the clock
// moves.
type Member struct {
	clock  *Clock
	name   string
	wake   func()
	seen   uint64 // the round when the current look began
	rested uint64 // the latest round in which a look found nothing
}

// Join adds a member, which must call Leave when it ends. wake makes it look at
// once; it must not block. The name is for errors; if it is empty, the member
// only helps others. If c is nil, the member is nil.
func (c *Clock) Join(name string, wake func()) *Member {
	if c == nil {
		return nil
	}
	m := &Member{clock: c, name: name, wake: wake}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.rested = c.round
	if name != "" {
		m.rested = 0 // it has not looked yet
	}
	c.members[m] = true
	c.notify()
	return m
}

// Leave removes the member.
func (m *Member) Leave() {
	m.update(func() { delete(m.clock.members, m) })
}

// Begin says that a look begins.
func (m *Member) Begin() {
	m.update(func() { m.seen = m.clock.round })
}

// End says that the look has ended. rests reports whether it found nothing to
// do, and nothing is running.
func (m *Member) End(rests bool) {
	m.update(func() {
		if rests {
			m.rested = m.seen
		}
	})
}

// Acted says that the member did something, so other members may have something
// to do.
func (m *Member) Acted() {
	m.update(func() { m.clock.actions++ })
}

// Finished is Acted, and makes the member look again.
func (m *Member) Finished() {
	if m != nil {
		m.Acted()
		m.wake()
	}
}

func (m *Member) update(change func()) {
	if m == nil {
		return
	}
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	change()
	m.clock.notify()
}

// notify tells Settle that a member changed. c.mu must be held.
func (c *Clock) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Running says that a listener or worker runs with a context, until stopped is
// called.
func (c *Clock) Running(ctx context.Context) (stopped func()) {
	if c == nil {
		return func() {}
	}
	run := &ctx
	set := func(running bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.runs[run] = running; !running {
			delete(c.runs, run)
		}
		c.notify()
	}
	set(true)
	return func() { set(false) }
}

// AwaitStopped waits until no listener or worker runs. If stopping is true, it
// waits only for those whose contexts have ended.
func (c *Clock) AwaitStopped(stopping bool) {
	for {
		c.mu.Lock()
		waiting := false
		for run := range c.runs {
			waiting = waiting || !stopping || (*run).Err() != nil
		}
		changed := c.changed
		c.mu.Unlock()
		if !waiting {
			return
		}
		<-changed
	}
}

type startedKey struct{}

// WithStarted returns a context with which [Started] calls a function.
func WithStarted(ctx context.Context, started func()) context.Context {
	return context.WithValue(ctx, startedKey{}, started)
}

// Started says that a listener or worker has joined with all its members. ctx
// is that of its Run.
func Started(ctx context.Context) {
	if started, ok := ctx.Value(startedKey{}).(func()); ok {
		started()
	}
}
