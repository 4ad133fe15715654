package expiry

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// An idle listener sends one command a second, however many actions it has, and
// still finds work that no message announces.
func TestIdleListenerLooksForAllActionsAtOnce(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	r, handled := NewRegistry(), make(chan string, 1)
	for i := range 100 {
		require.NoError(t, r.On("x"+strconv.Itoa(i), func(_ context.Context, e Event) error { handled <- e.Action; return nil }))
	}
	l, err := NewListener(p, r, Config{})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- l.Run(ctx) }()
	// sent returns the number of commands that clients sent, without those of
	// this test and of the pools.
	sent := func() int64 {
		calls := pooltest.CommandCalls(t, p, pool.Expiry)
		return calls["eval"] + calls["evalsha"] + calls["scan"]
	}
	await := func(what string, is func() bool) {
		require.Eventually(t, is, time.Minute, 10*time.Millisecond, what)
	}
	await("all consumers wait", func() bool {
		return !slices.ContainsFunc(l.consumers, func(c *consumer) bool { return !c.waits.Load() })
	})
	await("the first sweep", func() bool { return isSwept(t, l.consumers[0]) })

	first, from := sent(), time.Now()
	await("three looks", func() bool { return sent() >= first+3 && time.Since(from) > 2*time.Second })
	commands, seconds := sent()-first, time.Since(from).Seconds()
	require.LessOrEqual(t, float64(commands), seconds+10, "one look a second, and what is left of a sweep")

	k := l.consumers[7]
	at, err := client.Do(t.Context(), client.B().Time().Build()).AsIntSlice()
	require.NoError(t, err)
	due := strconv.FormatInt(at[0]*1000+500, 10)
	key := "acme:EXPTRIGGER:" + k.action + ":1"
	exp := strconv.FormatInt(at[0]*1000+500+graceMS, 10)
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "SET", key, "trigger:x;id=1;due="+due+";exp="+exp, "PXAT", exp).Error())
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "ZADD", k.due, due, key).Error())
	select {
	case action := <-handled:
		require.Equal(t, k.action, action)
	case <-time.After(time.Minute):
		t.Fatal("the trigger did not fire")
	}
	stop()
	require.NoError(t, <-stopped)
}

// isSwept reports whether a sweep of the action has finished.
func isSwept(t *testing.T, c *consumer) bool {
	t.Helper()
	n, err := c.client.Do(t.Context(), c.client.B().Exists().Key(c.swept).Build()).AsInt64()
	require.NoError(t, err)
	return n == 1
}
