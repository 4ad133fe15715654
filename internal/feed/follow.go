package feed

import (
	"context"
	"errors"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/pool"
)

// A page begins with few entries, and grows while they are small.
const (
	firstPage  = 16
	mostOfPage = 1000
	smallPage  = 256 << 10 // bytes
	largePage  = 1 << 20
)

// failureBackoff is the pause after a read that failed.
var failureBackoff = retry.Backoff{First: 50 * time.Millisecond, Max: time.Second, Jitter: 0.2}

// follower is one call of [Core.Follow].
type follower struct {
	core   *Core
	target fault.Target
	watch  *watch
	at     Position
	count  int  // of entries in the next page
	began  bool // whether at is the position of an entry
	waited bool // whether the feed was seen without an entry
}

// Follow calls yield for each entry after a cursor, in order, until the feed
// ends, ctx ends, or yield returns false. If a read fails, it calls yield with
// the error, and then tries again.
func (c *Core) Follow(ctx context.Context, op, id, after string, yield func(fault.Target, Entry, error) bool) {
	t, err := c.Begin(ctx, op, id)
	if err != nil {
		yield(t, Entry{}, err)
		return
	}
	from, err := ParsePosition(after)
	if err != nil {
		yield(t, Entry{}, t.NotApplied(err))
		return
	}
	w, leave := c.join(t)
	defer leave()
	f := &follower{core: c, target: t, watch: w, at: from, count: firstPage, began: !from.IsZero()}
	f.run(ctx, yield)
}

func (f *follower) run(ctx context.Context, yield func(fault.Target, Entry, error) bool) {
	for failures := 0; ; {
		p, before, err := f.read(ctx)
		if err != nil {
			if !yield(f.target, Entry{}, err) || isFinal(ctx, err) {
				return
			}
			if err := failureBackoff.Sleep(ctx, failures); err != nil {
				yield(f.target, Entry{}, f.target.NotApplied(err))
				return
			}
			failures++
			continue
		}
		failures = 0
		for i := range p.entries {
			e := p.entries[i]
			f.at, f.began = e.Position, true
			if e.end || !yield(f.target, e, nil) {
				return
			}
		}
		f.waited = f.waited || !f.began
		f.resize(p)
		if len(p.entries) > 0 && p.more {
			continue
		}
		if err := f.watch.wait(ctx, before, f.at); err != nil {
			yield(f.target, Entry{}, f.target.NotApplied(err))
			return
		}
	}
}

// isFinal reports whether no later read can succeed.
func isFinal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, fault.ErrGone) || errors.Is(err, pool.ErrClosed)
}

// read reads the next page. It also returns the news of which the page has
// everything.
func (f *follower) read(ctx context.Context) (page, news, error) {
	before := f.watch.snapshot()
	if err := fault.ContextError(ctx); err != nil {
		return page{}, before, f.target.NotApplied(err)
	}
	p, read, err := f.watch.read(ctx, f.at, before, func() (page, error) {
		if f.at.before(before.last) {
			return f.core.readNext(ctx, f.target, f.at, f.count)
		}
		return f.core.readFrom(ctx, f.target, f.at, f.count)
	})
	if err != nil && ctx.Err() != nil && !errors.As(err, new(*fault.OpError)) {
		err = f.target.NotApplied(err)
	}
	if err == nil && f.waited && !f.began && len(p.entries) > 0 && !p.entries[0].isFirst() {
		return page{}, read, f.target.NotApplied(errGone)
	}
	return p, read, err
}

// resize adapts the number of entries of a page to their size, so that a page
// needs little memory.
func (f *follower) resize(p page) {
	size := 0
	for i := range p.entries {
		size += len(p.entries[i].Text)
	}
	switch {
	case size > largePage:
		f.count = max(f.count/2, 1)
	case p.more && size < smallPage:
		f.count = min(2*f.count, mostOfPage)
	}
}
