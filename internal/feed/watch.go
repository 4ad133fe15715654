package feed

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/pool"
)

const (
	checkEvery  = 30 * time.Second // how often followers look for what they have no message of
	lookEvery   = time.Second      // the same, while there is no subscription
	sharedLimit = 64               // a page of more entries is not kept for other followers
)

// watches are the feeds that followers of a process wait for.
type watches struct {
	mu    sync.Mutex
	byKey map[string]*watch
}

type watchesKey struct{ alias pool.Alias }

func (c *Core) watches() *watches {
	return c.Attached(watchesKey{c.Alias}, func() any { return &watches{byKey: map[string]*watch{}} }).(*watches)
}

// watch is a feed that followers of this process wait for. They share its
// messages, and a read if they are at one position.
type watch struct {
	followers int    // the mutex of watches protects it
	stop      func() // the same

	mu         sync.Mutex
	news       news
	subscribed bool
	changed    chan struct{} // closed when news or subscribed change
	latest     *sharedRead
}

// news is what a watch knows of a feed.
type news struct {
	last   Position // of the last message
	checks uint64   // how often there was another reason to look at the feed
}

// join returns the watch of a feed. The caller must call leave.
func (c *Core) join(t fault.Target) (w *watch, leave func()) {
	all := c.watches()
	all.mu.Lock()
	defer all.mu.Unlock()
	w = all.byKey[t.Key]
	if w == nil {
		w = &watch{changed: make(chan struct{})}
		all.byKey[t.Key] = w
		w.stop = c.hub.Join(Channel(t.Key), w)
	}
	w.followers++
	return w, func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		if w.followers--; w.followers == 0 {
			delete(all.byKey, t.Key)
			w.stop()
		}
	}
}

// Received notes that an entry was added.
func (w *watch) Received(message string) {
	last, ok := parsePosition(message)
	w.update(func() {
		if ok {
			w.news.last = last
		} else {
			w.news.checks++ // the feed was deleted
		}
	})
}

// Subscribed notes that messages arrive. Earlier ones may have been missed.
func (w *watch) Subscribed() {
	w.update(func() {
		w.subscribed = true
		w.news.checks++
	})
}

// Lost notes that messages do not arrive any more.
func (w *watch) Lost() { w.update(func() { w.subscribed = false }) }

// Failed notes that messages do not arrive. If the pools are closed, followers
// find it out by a look.
func (w *watch) Failed(err error) {
	w.update(func() {
		w.subscribed = false
		if errors.Is(err, pool.ErrClosed) {
			w.news.checks++
		}
	})
}

func (w *watch) update(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) snapshot() news {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.news
}

// wait returns when there is something that a follower at a position may not
// have read, given the news before its last read. If ctx ends, wait returns its
// error.
func (w *watch) wait(ctx context.Context, before news, at Position) error {
	began := time.Now()
	jitter := 0.9 + rand.Float64()/5
	timer := time.NewTimer(checkEvery)
	defer timer.Stop()
	for {
		w.mu.Lock()
		now, changed, every := w.news, w.changed, lookEvery
		if w.subscribed {
			every = checkEvery
		}
		w.mu.Unlock()
		if now.checks != before.checks || now.last != before.last && at.before(now.last) {
			return nil
		}
		timer.Reset(time.Until(began.Add(time.Duration(float64(every) * jitter))))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-timer.C:
			w.check(now)
		}
	}
}

// check makes all followers of the feed look, unless another one did.
func (w *watch) check(before news) {
	if w.snapshot() == before {
		w.update(func() { w.news.checks++ })
	}
}

// sharedRead is a read of one follower, whose page others use too.
type sharedRead struct {
	from   Position
	before news // at its start
	done   chan struct{}
	page   page
	err    error
}

// read reads after a position, or returns what another follower reads there. It
// also returns the news before the read, of which the page has everything.
func (w *watch) read(ctx context.Context, from Position, before news, read func() (page, error)) (page, news, error) {
	w.mu.Lock()
	if r := w.latest; r != nil && r.isFor(from, before, w.subscribed) {
		w.mu.Unlock()
		select {
		case <-r.done:
			if r.err == nil {
				return r.page, r.before, nil
			}
		case <-ctx.Done():
			return page{}, before, ctx.Err()
		}
		p, err := read()
		return p, before, err
	}
	r := &sharedRead{from: from, before: before, done: make(chan struct{})}
	w.latest = r
	w.mu.Unlock()
	r.page, r.err = read()
	close(r.done)
	if r.err != nil || len(r.page.entries) > sharedLimit {
		w.mu.Lock()
		if w.latest == r {
			w.latest = nil
		}
		w.mu.Unlock()
	}
	return r.page, before, r.err
}

// isFor reports whether the page of r is one for a follower at a position. A
// page that was read before is one only if messages would have said that it is
// out of date. From the first entry on, it never is one, since the feed may
// have expired.
func (r *sharedRead) isFor(from Position, before news, subscribed bool) bool {
	if r.from != from || r.before.checks != before.checks {
		return false
	}
	select {
	case <-r.done:
		return subscribed && !from.IsZero() && (len(r.page.entries) > 0 || r.before == before)
	default:
		return true
	}
}
