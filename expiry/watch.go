package expiry

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// notice is a keyspace event.
type keyChange struct {
	kind changeKind
	key  string
}

const (
	changeBacklog    = 1 << 16                // notices that wait to be looked at
	nodePoll         = 5 * time.Second        // how often the nodes of a cluster are counted
	gatherTime       = 2 * time.Millisecond   // how long notices are gathered for one script
	resubscribeDelay = 250 * time.Millisecond // between two tries to subscribe
	forbiddenDelay   = time.Minute            // the same, where it was forbidden
	scriptPage       = 256                    // how many triggers one script looks at
)

// watch hears wake-ups and keyspace events, on every node there is.
func (l *Listener) watch(s *session) {
	notices := make(chan keyChange, changeBacklog)
	s.loops.Go(func() { l.handleChanges(s, notices) })
	if l.core.Client.Mode() != rueidis.ClientModeCluster {
		l.subscribe(s.ctx, s, l.core.Client, notices)
		return
	}
	ends := map[string]context.CancelFunc{}
	for s.ctx.Err() == nil {
		nodes := l.core.Client.Nodes()
		for addr, end := range ends {
			if _, ok := nodes[addr]; !ok {
				end()
				delete(ends, addr)
			}
		}
		for addr, node := range nodes {
			if _, ok := ends[addr]; ok {
				continue
			}
			ctx, end := context.WithCancel(s.ctx)
			ends[addr] = end
			s.loops.Go(func() { l.subscribe(ctx, s, node, notices) })
		}
		sleep(s.ctx, nodePoll)
	}
	for _, end := range ends {
		end()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// subscribe keeps a subscription on one node, over a connection of its own, so
// that nobody's replies queue behind its messages. What was published while it
// was away is made up for by a look and a sweep.
func (l *Listener) subscribe(ctx context.Context, s *session, node rueidis.Client, notices chan<- keyChange) {
	events := true
	for ctx.Err() == nil {
		d, release := node.Dedicate()
		err := l.receive(ctx, s, d, notices, events)
		release()
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return
		}
		pause := resubscribeDelay
		if _, refused := rueidis.IsRedisErr(err); refused {
			if events = !events; events {
				pause = forbiddenDelay
				l.cfg.Logger.Info("expiry: the server does not let this listener subscribe; it looks every second instead", "error", fault.Translate(err))
			}
		}
		sleep(ctx, pause)
	}
}

// receive subscribes, to wake-ups alone where events are forbidden, and passes on
// what comes, until the connection breaks.
func (l *Listener) receive(ctx context.Context, s *session, d rueidis.DedicatedClient, notices chan<- keyChange, events bool) error {
	channels := map[string]func(message string){}
	for _, c := range l.consumers {
		channels[c.channel] = c.wakeUp
	}
	if events {
		for name, what := range l.eventChannels(ctx, d) {
			channels[name] = func(key string) { l.queueChange(s, notices, keyChange{what, key}) }
		}
	}
	names := make([]string, 0, len(channels))
	for name := range channels {
		names = append(names, name)
	}
	confirmed := 0
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(p rueidis.PubSubSubscription) {
		if confirmed++; p.Kind == "subscribe" && confirmed == len(names) {
			s.requestSweep()
			l.wakeAll()
		}
	})
	return d.Receive(hooked, d.B().Subscribe().Channel(names...).Build(), func(m rueidis.PubSubMessage) {
		if pass, ok := channels[m.Channel]; ok {
			pass(m.Message)
		}
	})
}

// wakeAll has every lane look, for the wake-ups that nobody heard.
func (l *Listener) wakeAll() {
	for _, c := range l.consumers {
		c.alarm.signal()
	}
}

// wakeUp reads a wake-up: in how many milliseconds there is work. What is no such
// number, or later than the lane looks anyway, is passed over.
func (c *consumer) wakeUp(message string) {
	ms, err := strconv.ParseInt(message, 10, 64)
	if err == nil && ms <= longestIdle.Milliseconds() {
		c.alarm.set(time.Now().Add(time.Duration(max(ms, 0)) * time.Millisecond))
	}
}

// hear keeps a notice; where too many wait, a sweep finds what it was about.
func (l *Listener) queueChange(s *session, notices chan<- keyChange, n keyChange) {
	select {
	case notices <- n:
	default:
		s.requestSweep()
	}
}

// events gives the channels of the keyspace events that tell of triggers which
// other services set, moved and let end; none where the server has no events.
func (l *Listener) eventChannels(ctx context.Context, d rueidis.DedicatedClient) map[string]changeKind {
	err := enableEvents(ctx, d)
	if _, refused := rueidis.IsRedisErr(err); refused {
		l.noEventsOnce.Do(func() {
			l.cfg.Logger.Info("expiry: keyspace events cannot be turned on; unless they are on already, what other services set is found by the sweep alone",
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

// turnOn adds the events that are needed to those that are on.
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

// missingEvents are the flags that keyevents of EXPIRE and of ended keys lack.
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

// heed looks at the triggers that notices are about, many at a time.
func (l *Listener) handleChanges(s *session, notices <-chan keyChange) {
	for {
		select {
		case n := <-notices:
			batch := gather(s.ctx, n, notices)
			for _, what := range []changeKind{keyMayExist, keyExpired} {
				l.reconcileUntilDone(s, what, batch[what])
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// gather takes the notices that come within a moment after the first.
func gather(ctx context.Context, n keyChange, notices <-chan keyChange) map[changeKind][]string {
	batch := map[changeKind][]string{n.kind: {n.key}}
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	for range changeBacklog {
		select {
		case n = <-notices:
			batch[n.kind] = append(batch[n.kind], n.key)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// lookUntil looks until it succeeds: what is seen of an ended key is seen once.
func (l *Listener) reconcileUntilDone(s *session, what changeKind, keys []string) {
	l.retryCall(s, func(context.Context) error { return l.reconcile(s, what, keys) })
}

// look has the schedule of each key's action brought in line with the key.
func (l *Listener) reconcile(s *session, what changeKind, keys []string) error {
	byLane := map[*consumer][]string{}
	for _, key := range keys {
		found, ok := l.names.parse(key)
		if !ok {
			continue
		}
		if c, ok := l.consumerOf(found.shard, found.action); ok {
			byLane[c] = append(byLane[c], key)
		}
	}
	for c, keys := range byLane {
		if err := c.reconcile(s, what, keys); err != nil {
			return err
		}
	}
	return nil
}

func (c *consumer) reconcile(s *session, what changeKind, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), scriptPage)
		changed, err := c.adopt(s.ctx, what, keys[:n])
		if err != nil {
			if c.listener.reportWrongType(err, "") {
				return nil // the next sweep looks again
			}
			return err
		}
		if changed {
			c.alarm.signal()
		}
		keys = keys[n:]
	}
	return nil
}
