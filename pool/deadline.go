package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadline gives contexts without a deadline one. Contexts that cannot end by
// themselves share a timer: those of one window of an eighth of the timeout
// have the deadline in common, so that it costs no timer for each call.
type deadline struct {
	timeout time.Duration
	epoch   time.Time
	current atomic.Pointer[window]
	renewal sync.Mutex
}

type window struct {
	context.Context
	end    time.Duration // when the window closes, since the epoch
	cancel context.CancelFunc
}

func newDeadline(timeout time.Duration) *deadline {
	return &deadline{timeout: timeout, epoch: time.Now()}
}

// bound gives ctx with a deadline, and what releases it, if anything.
func (d *deadline) bound(ctx context.Context) (context.Context, context.CancelFunc) {
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
	return &valued{w.Context, ctx}, nil
}

func (d *deadline) window() *window {
	now := time.Since(d.epoch)
	if w := d.current.Load(); w != nil && now < w.end {
		return w
	}
	return d.renew(now)
}

func (d *deadline) renew(now time.Duration) *window {
	d.renewal.Lock()
	defer d.renewal.Unlock()
	if w := d.current.Load(); w != nil && now < w.end {
		return w
	}
	width := max(d.timeout/8, 1)
	w := &window{end: now + width}
	w.Context, w.cancel = context.WithTimeout(context.Background(), d.timeout+width)
	d.current.Store(w)
	return w
}

// stop ends the current window. Earlier ones end by themselves.
func (d *deadline) stop() {
	d.renewal.Lock()
	defer d.renewal.Unlock()
	if w := d.current.Load(); w != nil {
		w.cancel()
	}
}

// valued is a window's context with the values of a caller's.
type valued struct {
	context.Context
	values context.Context
}

func (v *valued) Value(key any) any { return v.values.Value(key) }
