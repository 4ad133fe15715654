package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// defaultDeadline adds a deadline to contexts that have none. Contexts that
// cannot be canceled share one: all calls within a window of an eighth of the
// timeout use the same context, which saves a timer for each call.
type defaultDeadline struct {
	timeout time.Duration
	epoch   time.Time
	current atomic.Pointer[deadlineWindow]
	renewal sync.Mutex
}

// deadlineWindow is the shared context of the calls that begin before end.
type deadlineWindow struct {
	context.Context
	end    time.Duration // since the epoch of the defaultDeadline
	cancel context.CancelFunc
}

func newDefaultDeadline(timeout time.Duration) *defaultDeadline {
	return &defaultDeadline{timeout: timeout, epoch: time.Now()}
}

// apply returns ctx with a deadline. The cancel function is nil if nothing has
// to be released.
func (d *defaultDeadline) apply(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, nil
	}
	if ctx.Done() != nil {
		return context.WithTimeout(ctx, d.timeout)
	}
	w := d.window()
	if ctx == context.Background() || ctx == context.TODO() {
		return w.Context, nil
	}
	return &contextWithValues{w.Context, ctx}, nil
}

func (d *defaultDeadline) window() *deadlineWindow {
	now := time.Since(d.epoch)
	if w := d.current.Load(); w != nil && now < w.end {
		return w
	}
	return d.renew(now)
}

func (d *defaultDeadline) renew(now time.Duration) *deadlineWindow {
	d.renewal.Lock()
	defer d.renewal.Unlock()
	if w := d.current.Load(); w != nil && now < w.end {
		return w
	}
	width := max(d.timeout/8, 1)
	w := &deadlineWindow{end: now + width}
	w.Context, w.cancel = context.WithTimeout(context.Background(), d.timeout+width)
	d.current.Store(w)
	return w
}

// stop cancels the current window. Earlier windows end at their deadline.
func (d *defaultDeadline) stop() {
	d.renewal.Lock()
	defer d.renewal.Unlock()
	if w := d.current.Load(); w != nil {
		w.cancel()
	}
}

// contextWithValues is the context of a window with the values of a caller's
// context.
type contextWithValues struct {
	context.Context
	values context.Context
}

func (c *contextWithValues) Value(key any) any { return c.values.Value(key) }
