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
type notice struct {
	what knowledge
	key  string
}

const (
	backlog     = 1 << 16                // notices that wait to be looked at
	topology    = 5 * time.Second        // how often the nodes of a cluster are counted
	gathering   = 2 * time.Millisecond   // how long notices are gathered for one script
	resubscribe = 250 * time.Millisecond // between two tries to subscribe
	forbidden   = time.Minute            // the same, where it was forbidden
	lookAt      = 256                    // how many triggers one script looks at
)

// watch hears wake-ups and keyspace events, on every node there is.
func (l *Listener) watch(s *shift) {
	notices := make(chan notice, backlog)
	s.loops.Go(func() { l.heed(s, notices) })
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
		rest(s.ctx, topology)
	}
	for _, end := range ends {
		end()
	}
}

func rest(ctx context.Context, d time.Duration) {
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
func (l *Listener) subscribe(ctx context.Context, s *shift, node rueidis.Client, notices chan<- notice) {
	events := true
	for ctx.Err() == nil {
		d, release := node.Dedicate()
		err := l.receive(ctx, s, d, notices, events)
		release()
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return
		}
		pause := resubscribe
		if _, refused := rueidis.IsRedisErr(err); refused {
			if events = !events; events {
				pause = forbidden
				l.cfg.Logger.Info("expiry: the server does not let this listener subscribe; it looks every second instead", "error", fault.Translate(err))
			}
		}
		rest(ctx, pause)
	}
}

// receive subscribes, to wake-ups alone where events are forbidden, and passes on
// what comes, until the connection breaks.
func (l *Listener) receive(ctx context.Context, s *shift, d rueidis.DedicatedClient, notices chan<- notice, events bool) error {
	channels := map[string]func(message string){}
	for _, a := range l.lanes {
		channels[a.channel] = a.wakeUp
	}
	if events {
		for name, what := range l.events(ctx, d) {
			channels[name] = func(key string) { l.hear(s, notices, notice{what, key}) }
		}
	}
	names := make([]string, 0, len(channels))
	for name := range channels {
		names = append(names, name)
	}
	confirmed := 0
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(p rueidis.PubSubSubscription) {
		if confirmed++; p.Kind == "subscribe" && confirmed == len(names) {
			s.askForSweep()
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
	for _, a := range l.lanes {
		a.wake.signal()
	}
}

// wakeUp reads a wake-up: in how many milliseconds there is work. What is no such
// number, or later than the lane looks anyway, is passed over.
func (a *lane) wakeUp(message string) {
	ms, err := strconv.ParseInt(message, 10, 64)
	if err == nil && ms <= longestWait.Milliseconds() {
		a.wake.set(time.Now().Add(time.Duration(max(ms, 0)) * time.Millisecond))
	}
}

// hear keeps a notice; where too many wait, a sweep finds what it was about.
func (l *Listener) hear(s *shift, notices chan<- notice, n notice) {
	select {
	case notices <- n:
	default:
		s.askForSweep()
	}
}

// events gives the channels of the keyspace events that tell of triggers which
// other services set, moved and let end; none where the server has no events.
func (l *Listener) events(ctx context.Context, d rueidis.DedicatedClient) map[string]knowledge {
	err := turnOn(ctx, d)
	if _, refused := rueidis.IsRedisErr(err); refused {
		l.saidOnce.Do(func() {
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
			return map[string]knowledge{channel + "expire": maySet, channel + "expired": ended}
		}
	}
	return nil
}

const eventsOption = "notify-keyspace-events"

// turnOn adds the events that are needed to those that are on.
func turnOn(ctx context.Context, d rueidis.DedicatedClient) error {
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
func (l *Listener) heed(s *shift, notices <-chan notice) {
	for {
		select {
		case n := <-notices:
			batch := gather(s.ctx, n, notices)
			for _, what := range []knowledge{maySet, ended} {
				l.lookUntil(s, what, batch[what])
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// gather takes the notices that come within a moment after the first.
func gather(ctx context.Context, n notice, notices <-chan notice) map[knowledge][]string {
	batch := map[knowledge][]string{n.what: {n.key}}
	timer := time.NewTimer(gathering)
	defer timer.Stop()
	for range backlog {
		select {
		case n = <-notices:
			batch[n.what] = append(batch[n.what], n.key)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// lookUntil looks until it succeeds: what is seen of an ended key is seen once.
func (l *Listener) lookUntil(s *shift, what knowledge, keys []string) {
	l.persist(s, func(context.Context) error { return l.look(s, what, keys) })
}

// look has the schedule of each key's action brought in line with the key.
func (l *Listener) look(s *shift, what knowledge, keys []string) error {
	byLane := map[*lane][]string{}
	for _, key := range keys {
		found, ok := l.names.parse(key)
		if !ok {
			continue
		}
		if a, ok := l.lane(found.shard, found.action); ok {
			byLane[a] = append(byLane[a], key)
		}
	}
	for a, keys := range byLane {
		if err := a.look(s, what, keys); err != nil {
			return err
		}
	}
	return nil
}

func (a *lane) look(s *shift, what knowledge, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), lookAt)
		changed, err := a.adopt(s.ctx, what, keys[:n])
		if err != nil {
			if a.l.reportWrong(err, "") {
				return nil // the next sweep looks again
			}
			return err
		}
		if changed {
			a.wake.signal()
		}
		keys = keys[n:]
	}
	return nil
}
