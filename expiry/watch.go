package expiry

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/subscription"
)

// keyChange is a change of a trigger's key by another client, or its expiry.
type keyChange struct {
	kind changeKind
	key  string
}

const (
	changeBacklog = 1 << 16              // changes that wait to be handled
	gatherTime    = 2 * time.Millisecond // how long changes are collected for one script
	scriptPage    = 256                  // how many triggers one script handles
)

// watch receives wake-ups and keyspace events from all nodes. After a
// subscription was lost, a claim and a sweep find the work of the messages that
// were missed.
func (l *Listener) watch(s *session) {
	changes := make(chan keyChange, changeBacklog)
	s.loops.Go(func() { l.handleChanges(s, changes) })
	l.subscription(s, changes).RunOnNodes(s.ctx, l.core.Client)
}

// subscription returns a subscription to wake-ups and keyspace events. If the
// server refuses that, it is one to wake-ups.
func (l *Listener) subscription(s *session, changes chan<- keyChange) subscription.Subscription {
	wakeUps := func(context.Context, rueidis.DedicatedClient) subscription.Channels {
		channels := subscription.Channels{}
		for _, c := range l.consumers {
			channels[c.channel] = c.wakeUp
		}
		return channels
	}
	wakeUpsAndEvents := func(ctx context.Context, d rueidis.DedicatedClient) subscription.Channels {
		channels := wakeUps(ctx, d)
		for name, kind := range l.eventChannels(ctx, d) {
			channels[name] = func(key string) { l.queueChange(s, changes, keyChange{kind, key}) }
		}
		return channels
	}
	return subscription.Subscription{
		Choices: []func(context.Context, rueidis.DedicatedClient) subscription.Channels{wakeUpsAndEvents, wakeUps},
		Subscribed: func() {
			l.subscribed.Add(1)
			s.requestSweep()
			l.wakeAll()
		},
		Lost: func() { l.subscribed.Add(-1) },
		Refused: func(err error) {
			l.cfg.Logger.Info("expiry: the server refuses to let this listener subscribe; it looks for work every second instead", "error", fault.Translate(err))
		},
	}
}

// wakeAll wakes all consumers, in case that wake-ups were missed.
func (l *Listener) wakeAll() {
	for _, c := range l.consumers {
		c.alarm.Signal()
	}
}

// wakeUp handles a wake-up message, the number of milliseconds until work is
// due. It ignores messages that are not a number, and work that a look finds in
// time.
func (c *consumer) wakeUp(message string) {
	ms, err := strconv.ParseInt(message, 10, 64)
	if err == nil && ms <= c.listener.lookAhead(c.listener.round()).Milliseconds() {
		c.alarm.Set(time.Now().Add(duration.FromMilliseconds(max(ms, 0))))
	}
}

// queueChange queues a change. If the queue is full, it requests a sweep
// instead.
func (l *Listener) queueChange(s *session, changes chan<- keyChange, n keyChange) {
	select {
	case changes <- n:
	default:
		s.requestSweep()
	}
}

// eventChannels turns keyspace events on and returns the channels of the events
// that are needed: triggers that were set or moved, and keys that expired.
func (l *Listener) eventChannels(ctx context.Context, d rueidis.DedicatedClient) map[string]changeKind {
	err := enableEvents(ctx, d)
	if _, refused := rueidis.IsRedisErr(err); refused {
		l.noEventsOnce.Do(func() {
			l.cfg.Logger.Info("expiry: keyspace events cannot be turned on; unless they are on already, only the sweep finds the triggers that other services set",
				"sweep", l.cfg.Sweep, "error", fault.Translate(err))
		})
	}
	info, err := d.Do(ctx, d.B().Arbitrary("CLIENT", "INFO").Build()).ToString()
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(info) {
		if db, ok := strings.CutPrefix(field, "db="); ok {
			channel := "__keyevent@" + db + "__:"
			return map[string]changeKind{channel + "expire": keyMayExist, channel + "expired": keyExpired}
		}
	}
	return nil
}

const eventsOption = "notify-keyspace-events"

// enableEvents adds the events that are needed to those that are on.
func enableEvents(ctx context.Context, d rueidis.DedicatedClient) error {
	config, err := d.Do(ctx, d.B().ConfigGet().Parameter(eventsOption).Build()).AsStrMap()
	if err != nil {
		return err
	}
	flags := config[eventsOption]
	missing := missingEvents(flags)
	if missing == "" {
		return nil
	}
	return d.Do(ctx, d.B().ConfigSet().ParameterValue().ParameterValue(eventsOption, flags+missing).Build()).Error()
}

// missingEvents returns the flags that are missing for the events of EXPIRE and
// of expired keys.
func missingEvents(flags string) (missing string) {
	if !strings.Contains(flags, "E") {
		missing = "E"
	}
	if !strings.ContainsAny(flags, "Ag") {
		missing += "g"
	}
	if !strings.ContainsAny(flags, "Ax") {
		missing += "x"
	}
	return missing
}

// handleChanges updates the schedule for queued changes, in batches.
func (l *Listener) handleChanges(s *session, changes <-chan keyChange) {
	for {
		select {
		case n := <-changes:
			batch := gather(s.ctx, n, changes)
			for _, kind := range []changeKind{keyMayExist, keyExpired} {
				l.reconcileUntilDone(s, kind, batch[kind])
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// gather collects the changes that follow the first within a short time.
func gather(ctx context.Context, n keyChange, changes <-chan keyChange) map[changeKind][]string {
	batch := map[changeKind][]string{n.kind: {n.key}}
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	for range changeBacklog {
		select {
		case n = <-changes:
			batch[n.kind] = append(batch[n.kind], n.key)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// reconcileUntilDone repeats reconcile until it succeeds: an expired key is
// reported only once.
func (l *Listener) reconcileUntilDone(s *session, kind changeKind, keys []string) {
	l.retryCall(s, func(context.Context) error { return l.reconcile(s, kind, keys) })
}

// reconcile updates the schedule of each key's action.
func (l *Listener) reconcile(s *session, kind changeKind, keys []string) error {
	byConsumer := map[*consumer][]string{}
	for _, key := range keys {
		found, ok := l.names.parse(key)
		if !ok {
			continue
		}
		if c, ok := l.consumerOf(found.shard, found.action); ok {
			byConsumer[c] = append(byConsumer[c], key)
		}
	}
	for c, keys := range byConsumer {
		if err := c.reconcile(s, kind, keys); err != nil {
			return err
		}
	}
	return nil
}

func (c *consumer) reconcile(s *session, kind changeKind, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), scriptPage)
		changed, err := c.adopt(s.ctx, kind, keys[:n])
		if err != nil {
			if c.listener.reportWrongType(err, "") {
				return nil // the next sweep repeats it
			}
			return err
		}
		if changed {
			c.alarm.Signal()
			c.member.Load().Acted()
		}
		keys = keys[n:]
	}
	return nil
}
