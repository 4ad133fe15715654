package expiry

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// On a cluster, an idle listener sends one command a second, however many
// shards there are, and still finds work that no message announces.
func TestIdleListenerOnACluster(t *testing.T) {
	pooltest.Long(t)
	t.Parallel()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	r, handled := NewRegistry(), make(chan string, 1)
	for i := range 3 {
		require.NoError(t, r.On("x"+strconv.Itoa(i), func(_ context.Context, e Event) error { handled <- e.ID; return nil }))
	}
	l, err := NewListener(p, r, Config{})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- l.Run(ctx) }()
	sent := func() int64 { return p.Stats()[pool.Expiry].Commands }
	await := func(what string, is func() bool) {
		t.Helper()
		require.Eventually(t, is, time.Minute, 10*time.Millisecond, what)
	}
	await("all consumers wait", func() bool {
		return !slices.ContainsFunc(l.consumers, func(c *consumer) bool { return !c.waits.Load() })
	})
	await("a subscription", func() bool { return l.subscribed.Load() > 0 })
	require.Equal(t, longestRound, l.round())
	require.Len(t, l.consumers, 3*shardCount)

	// The subscriptions to the other nodes cause further claims and sweeps.
	for begin := time.Now(); ; {
		first := sent()
		await("a look", func() bool { return sent() > first })
		first, from := sent(), time.Now()
		await("more looks", func() bool { return sent() >= first+3 && time.Since(from) > 3*time.Second })
		commands := sent() - first
		if float64(commands) <= time.Since(from).Seconds()+1 {
			break
		}
		require.Less(t, time.Since(begin), 45*time.Second, "an idle listener sends %d commands in %v", commands, time.Since(from))
	}

	k := l.consumers[20]
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	exp := strconv.FormatInt(time.Now().UnixMilli()+graceMS, 10)
	key := "expiry:acme{" + k.shard + "}:EXPTRIGGER:" + k.action + ":1"
	do := func(args ...string) {
		require.NoError(t, k.client.Do(ctx, k.client.B().Arbitrary(args[0]).Keys(args[1]).Args(args[2:]...).Build()).Error())
	}
	do("SET", key, "trigger:x;id=1;due="+at+";exp="+exp, "PXAT", exp)
	do("ZADD", k.due, at, key)
	select {
	case <-handled:
	case <-time.After(time.Minute):
		t.Fatal("the trigger did not fire")
	}
	stop()
	require.NoError(t, <-stopped)
}

// shardedListener returns a listener with shards that takes wake-ups and does
// not run, and the consumer of the shard of the trigger x, 1.
func shardedListener(t *testing.T, cfg Config) (l *Listener, s *Schedule, c *consumer) {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	r := NewRegistry()
	require.NoError(t, r.On("x", func(context.Context, Event) error { return nil }))
	l, err := NewListener(p, r, cfg)
	require.NoError(t, err)
	l.subscribed.Add(1)
	s, err = NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(t, err)
	c, ok := l.consumerOf(l.names.shard("acme", "x", "1"), "x")
	require.True(t, ok)
	return l, s, c
}

// waitsFor returns how long a consumer waits, an hour if nothing wakes it.
func (c *consumer) waitsFor() time.Duration {
	return time.Until(c.alarm.Before(time.Now().Add(time.Hour)))
}

// Whatever is due before the next look at its shard wakes the consumer in time:
// a look finds it, or a message announces it.
func TestWorkBeforeTheNextLook(t *testing.T) {
	t.Parallel()
	l, s, c := shardedListener(t, Config{})
	messages := make(chan string, 10)
	subscribed := make(chan struct{})
	hooked := rueidis.WithOnSubscriptionHook(t.Context(), func(rueidis.PubSubSubscription) { close(subscribed) })
	go func() {
		_ = c.client.Receive(hooked, c.client.B().Subscribe().Channel(c.channel).Build(), func(m rueidis.PubSubMessage) { messages <- m.Message })
	}()
	<-subscribed
	received := func() (message string) {
		t.Helper()
		select {
		case message = <-messages:
		case <-time.After(20 * time.Second):
			t.Fatal("no message came")
		}
		return message
	}
	between := longestRound * longestIdle
	require.NoError(t, s.Set(t.Context(), "x", "1", between+10*time.Second)) // not announced
	require.NoError(t, s.Set(t.Context(), "x", "1", between))                // it exists
	message := received()
	ms, err := strconv.Atoi(message)
	require.NoError(t, err)
	require.InDelta(t, between.Milliseconds(), ms, 1000)
	_, err = s.Delete(t.Context(), "x", "1")
	require.NoError(t, err)
	require.NoError(t, s.Set(t.Context(), "x", "1", between)) // it is new
	message = received()

	c.wakeUp(message)
	require.InDelta(t, between, c.waitsFor(), float64(5*time.Second))
	c.alarm.Clear()
	session := newSession(t.Context())
	defer session.close()
	part := l.parts[slices.IndexFunc(l.parts, func(part []*consumer) bool { return part[0] == c })]
	require.NoError(t, l.look(session, part, l.lookAhead(l.round())))
	require.InDelta(t, between, c.waitsFor(), float64(5*time.Second))
}

// Without wake-ups, every look is at all shards. If a lease is short, a worker
// that died in the meantime must not be noticed late.
func TestRound(t *testing.T) {
	t.Parallel()
	l, _, c := shardedListener(t, Config{Lease: 5 * time.Second})
	require.Equal(t, 4, l.round())
	l.cfg.Lease = 30 * time.Second
	require.Equal(t, longestRound, l.round())
	l.cfg.Lease = 10 * time.Millisecond
	require.Equal(t, 1, l.round())
	l.cfg.Lease = 30 * time.Second
	l.subscribed.Add(-1)
	require.Equal(t, 1, l.round())
	c.wakeUp("16000") // the looks find it
	require.Greater(t, c.waitsFor(), 50*time.Minute)
	l.names.sharded = false
	l.subscribed.Add(1)
	require.Equal(t, 1, l.round())
	require.Contains(t, c.due, "%exp{", "wakeIfFirst finds out that there are shards")
}
