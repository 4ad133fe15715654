package expiry

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

const (
	unhandledAfter = time.Minute      // how long overdue triggers count as those of a slow listener
	handledUntil   = 10 * time.Minute // how long after its last sweep an action counts as handled elsewhere
	mostUnhandled  = 100              // how many actions without a handler a listener looks at
)

// unhandledActions are the actions about which a listener has warned.
type unhandledActions struct {
	mu     sync.Mutex
	warned map[string]bool
}

// wants reports whether the listener would warn about an action.
func (u *unhandledActions) wants(action string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.warned[action] && len(u.warned) < mostUnhandled
}

// add reports whether the listener has not warned about an action before.
func (u *unhandledActions) add(action string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.warned == nil {
		u.warned = map[string]bool{}
	}
	fresh := !u.warned[action]
	u.warned[action] = true
	return fresh
}

// reportUnhandled warns once about each action of others whose triggers are
// overdue, if no listener in any process has handled it lately. The others are
// actions that this listener does not handle. A sweep found keys of their
// triggers.
func (l *Listener) reportUnhandled(ctx context.Context, others map[consumerKey]bool) {
	for key := range others {
		if !l.unhandled.wants(key.action) {
			continue
		}
		late, err := newQueue(l.core.Client, l.names, key.shard, key.action).unhandledFor(ctx, l.clock.Now())
		if err != nil {
			l.cfg.Logger.Debug("expiry: cannot look for triggers without a handler", "action", key.action, "error", fault.Translate(err))
			continue
		}
		if late < unhandledAfter || !l.unhandled.add(key.action) {
			continue
		}
		l.count.unhandled.Add(1)
		l.cfg.Logger.Warn("expiry: triggers of an action are overdue, and it has no handler in this process; correct the name, or register a handler, unless another service handles it",
			"action", key.action, "overdue", late.Truncate(time.Second), "handled", strings.Join(l.handledActions(), " "))
	}
}

// unhandledFor returns how long the first trigger of the queue has been
// overdue. The result is 0 if a listener swept the queue lately.
func (q *queue) unhandledFor(ctx context.Context, now time.Time) (time.Duration, error) {
	first, err := q.entriesBetween(ctx, q.due, 0, 0)
	if err != nil || len(first) == 0 || first[0].Score < 0 {
		return 0, err
	}
	late := now.Sub(time.UnixMilli(int64(first[0].Score)))
	if late < unhandledAfter {
		return 0, nil
	}
	swept, err := q.client.Do(ctx, q.client.B().Get().Key(q.swept).Build()).ToString()
	if err == nil {
		began, _ := strconv.ParseInt(swept, 10, 64)
		if now.Sub(time.UnixMicro(began)) < handledUntil {
			return 0, nil
		}
	}
	return late, nil
}

// handledActions returns the actions of the listener, sorted.
func (l *Listener) handledActions() (all []string) {
	for _, c := range l.consumers {
		all = append(all, c.action)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
