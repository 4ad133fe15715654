package pool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// If a server accepts a command but does not reply, the call ends after the
// timeout, whatever method sent it.
func TestCallsWithoutADeadlineEndAfterTheTimeout(t *testing.T) {
	s := redistest.Server(t)
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: s.URL(), Timeout: 200 * time.Millisecond})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	dedicated, release := c.Dedicate()
	defer release()
	require.NoError(t, dedicated.Do(withTimeout(t), c.B().Ping().Build()).Error())

	mustDo(t, s.Client(t, 0), "CLIENT", "PAUSE", "3600000", "ALL")
	defer s.Kill()

	cancelable, cancel := context.WithCancel(context.Background())
	defer cancel()
	type key struct{}
	set := func() rueidis.Completed { return c.B().Set().Key("x").Value("1").Build() }
	for name, call := range map[string]func() error{
		"Background": func() error { return c.Do(context.Background(), set()).Error() },
		"values":     func() error { return c.Do(context.WithValue(context.Background(), key{}, 1), set()).Error() },
		"cancelable": func() error { return c.Do(cancelable, set()).Error() },
		"DoMulti":    func() error { return c.DoMulti(context.Background(), set(), set())[1].Error() },
		"DoCache": func() error {
			return c.DoCache(context.Background(), c.B().Get().Key("x").Cache(), time.Minute).Error()
		},
		"DoMultiCache": func() error {
			return c.DoMultiCache(context.Background(), rueidis.CT(c.B().Get().Key("x").Cache(), time.Minute))[0].Error()
		},
		"a node": func() error {
			for _, n := range c.Nodes() {
				return n.Do(context.Background(), set()).Error()
			}
			return nil
		},
		"dedicated": func() error { return dedicated.Do(context.Background(), set()).Error() },
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, call(), context.DeadlineExceeded)
		})
	}
	require.EqualValues(t, 10, pools.Stats()[pool.User].Commands)
	require.EqualValues(t, 9, pools.Stats()[pool.User].Errors)
	err = pools.Ping(context.Background())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, split[*pool.ConnectError](t, err), len(predefined))
}

func TestBlockingCommandsGetNoDeadline(t *testing.T) {
	s := redistest.Server(t)
	const timeout = 50 * time.Millisecond
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: s.URL(), Timeout: timeout})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)

	got := make(chan error, 2)
	go func() { got <- c.Do(context.Background(), c.B().Blpop().Key("q").Timeout(0).Build()).Error() }()
	go func() {
		rs := c.DoMulti(context.Background(), c.B().Arbitrary("PING").Build(), c.B().Blpop().Key("q").Timeout(0).Build())
		got <- errors.Join(rs[0].Error(), rs[1].Error())
	}()
	for start := time.Now(); time.Since(start) < 4*timeout; {
		require.NoError(t, c.Do(withTimeout(t), c.B().Ping().Build()).Error())
	}
	require.Empty(t, got)
	mustDo(t, c, "RPUSH", "q", "a", "b")
	require.NoError(t, <-got)
	require.NoError(t, <-got)
}

type traceKey struct{}

// The context that reaches the client has a deadline and the values of the
// caller's context, so that a wrapper of the client finds its trace.
func TestContextThatReachesTheClient(t *testing.T) {
	const timeout = time.Minute
	fs := new(fakeClients)
	pools, err := pool.Open(t.Context(), pool.Config{NewClient: fs.NewClient, URLs: map[pool.Alias]string{"user": "redis://h"}, Timeout: timeout})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	f := fs.open()[0]
	ping := func() rueidis.Completed { return c.B().Ping().Build() }
	blocking := func() rueidis.Completed { return c.B().Arbitrary("BLPOP").Args("q", "0").Blocking() }

	traced := context.WithValue(context.Background(), traceKey{}, "trace")
	request, cancel := context.WithCancel(traced)
	defer cancel()
	withDeadline, cancelWithDeadline := context.WithTimeout(traced, time.Hour)
	defer cancelWithDeadline()

	for name, c := range map[string]struct {
		ctx     context.Context
		send    func(context.Context)
		bounded bool
		value   any
	}{
		"Background":       {context.Background(), func(ctx context.Context) { c.Do(ctx, ping()) }, true, nil},
		"TODO":             {context.TODO(), func(ctx context.Context) { c.Do(ctx, ping()) }, true, nil},
		"values":           {traced, func(ctx context.Context) { c.Do(ctx, ping()) }, true, "trace"},
		"request":          {request, func(ctx context.Context) { c.Do(ctx, ping()) }, true, "trace"},
		"uncancelled":      {context.WithoutCancel(request), func(ctx context.Context) { c.DoMulti(ctx, ping(), ping()) }, true, "trace"},
		"multi":            {request, func(ctx context.Context) { c.DoMulti(ctx, ping(), ping()) }, true, "trace"},
		"a deadline":       {withDeadline, func(ctx context.Context) { c.Do(ctx, ping()) }, false, "trace"},
		"blocking":         {traced, func(ctx context.Context) { c.Do(ctx, blocking()) }, false, "trace"},
		"blocking in many": {traced, func(ctx context.Context) { c.DoMulti(ctx, ping(), blocking()) }, false, "trace"},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			c.send(c.ctx)
			after := time.Now()
			got := f.lastContext()
			require.Equal(t, c.value, got.Value(traceKey{}))
			if !c.bounded {
				require.True(t, got == c.ctx, "the context of the caller is used")
				return
			}
			deadline, ok := got.Deadline()
			require.True(t, ok)
			require.False(t, deadline.Before(before.Add(timeout)), "the deadline is not earlier than the timeout")
			require.False(t, deadline.After(after.Add(timeout+timeout/8)), "the deadline is at most an eighth later")
			if c.ctx.Done() != nil {
				require.ErrorIs(t, got.Err(), context.Canceled, "the timer is released")
				require.NoError(t, c.ctx.Err())
			}
		})
	}
}

func TestStats(t *testing.T) {
	s := redistest.Server(t)
	pools, err := pool.Open(t.Context(), pool.Config{URL: s.URL()})
	require.NoError(t, err)
	defer pools.Close()
	stats := func(a pool.Alias) pool.Stats {
		s := pools.Stats()[a]
		require.False(t, s.Since.IsZero())
		s.Since = time.Time{}
		return s
	}
	require.Equal(t, pool.Stats{}, stats(pool.User))
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	ctx := t.Context()
	get := func() rueidis.Completed { return c.B().Get().Key("none").Build() }
	refused := func() rueidis.Completed { return c.B().Arbitrary("LPUSH", "text", "x").Build() }
	want := pool.Stats{}
	check := func(commands, errs int64) {
		t.Helper()
		want.Commands += commands
		want.Errors += errs
		require.Equal(t, want, stats(pool.User))
	}

	mustDo(t, c, "SET", "text", "x")
	check(1, 0)
	require.True(t, rueidis.IsRedisNil(c.Do(ctx, get()).Error()))
	check(1, 0)
	require.Error(t, c.Do(ctx, refused()).Error())
	check(1, 1)
	c.DoMulti(ctx, get(), refused(), get())
	check(3, 1)
	require.NoError(t, rueidis.NewLuaScript("return 1").Exec(ctx, c, nil, nil).Error())
	check(2, 0) // EVALSHA, which returns NOSCRIPT, and EVAL
	c.DoCache(ctx, c.B().Get().Key("text").Cache(), time.Minute)
	c.DoMultiCache(ctx, rueidis.CT(c.B().Get().Key("text").Cache(), time.Minute))
	check(2, 0)
	for _, n := range c.Nodes() {
		n.Do(ctx, get())
	}
	check(1, 0)
	require.NoError(t, c.Dedicated(func(d rueidis.DedicatedClient) error {
		d.DoMulti(ctx, refused(), get())
		return d.Do(ctx, c.B().Ping().Build()).Error()
	}))
	check(3, 1)
	d, release := c.Dedicate()
	d.Do(ctx, refused())
	release()
	check(1, 1)
	stream := c.DoStream(ctx, c.B().Get().Key("text").Build())
	_, err = stream.WriteTo(discard{})
	require.NoError(t, err)
	check(1, 0)

	subscription, end := context.WithCancel(ctx)
	subscribed := make(chan error, 1)
	go func() {
		subscribed <- c.Receive(subscription, c.B().Subscribe().Channel("ch").Build(), func(rueidis.PubSubMessage) {})
	}()
	publisher := s.Client(t, 0)
	require.Eventually(t, func() bool {
		n, _ := publisher.Do(ctx, publisher.B().Publish().Channel("ch").Message("x").Build()).AsInt64()
		return n == 1
	}, 10*time.Second, time.Millisecond)
	end()
	require.ErrorIs(t, <-subscribed, context.Canceled)
	check(1, 0)
	require.Equal(t, pool.Stats{}, stats(pool.Expiry))
	require.Len(t, pools.Stats(), len(predefined))
	require.NoError(t, pools.Ping(ctx))
	check(1, 0)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestAfterClose(t *testing.T) {
	s := redistest.Server(t)
	pools, err := pool.Open(t.Context(), pool.Config{URL: s.URL()})
	require.NoError(t, err)
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	ctx := t.Context()
	c.Close()
	require.NoError(t, c.Do(ctx, c.B().Ping().Build()).Error(), "Close of a client does nothing")
	nodes := c.Nodes()
	d, release := c.Dedicate()
	defer release()
	received := make(chan error, 1)
	go func() {
		received <- c.Receive(context.Background(), c.B().Subscribe().Channel("ch").Build(), func(rueidis.PubSubMessage) {})
	}()
	publisher := s.Client(t, 0)
	require.Eventually(t, func() bool {
		n, _ := publisher.Do(ctx, publisher.B().Publish().Channel("ch").Message("x").Build()).AsInt64()
		return n == 1
	}, 10*time.Second, time.Millisecond)

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(pools.Close)
	}
	wg.Wait()
	require.ErrorIs(t, <-received, pool.ErrClosed)

	_, err = pools.Client(pool.User)
	require.ErrorIs(t, err, pool.ErrClosed)
	require.Equal(t, pool.ErrClosed, pools.Ping(ctx))
	cmd := func() rueidis.Completed { return c.B().Ping().Build() }
	get := func() rueidis.Cacheable { return c.B().Get().Key("x").Cache() }
	require.ErrorIs(t, c.Do(ctx, cmd()).Error(), pool.ErrClosed)
	rs := c.DoMulti(ctx, cmd(), cmd())
	require.Len(t, rs, 2)
	require.ErrorIs(t, rs[1].Error(), pool.ErrClosed)
	require.ErrorIs(t, c.DoCache(ctx, get(), time.Minute).Error(), pool.ErrClosed)
	require.ErrorIs(t, c.DoMultiCache(ctx, rueidis.CT(get(), time.Minute))[0].Error(), pool.ErrClosed)
	stream, multiStream := c.DoStream(ctx, cmd()), c.DoMultiStream(ctx, cmd())
	require.ErrorIs(t, stream.Error(), pool.ErrClosed)
	require.ErrorIs(t, multiStream.Error(), pool.ErrClosed)
	require.ErrorIs(t, c.Receive(ctx, c.B().Subscribe().Channel("ch").Build(), nil), pool.ErrClosed)
	require.ErrorIs(t, c.Dedicated(func(rueidis.DedicatedClient) error { return nil }), pool.ErrClosed)
	lateConn, releaseLate := c.Dedicate()
	defer releaseLate()
	for _, d := range []rueidis.DedicatedClient{d, lateConn} {
		require.ErrorIs(t, d.Do(ctx, cmd()).Error(), pool.ErrClosed)
		require.ErrorIs(t, d.DoMulti(ctx, cmd())[0].Error(), pool.ErrClosed)
		require.ErrorIs(t, d.Receive(ctx, c.B().Subscribe().Channel("ch").Build(), nil), pool.ErrClosed)
	}
	for _, n := range nodes {
		require.ErrorIs(t, n.Do(ctx, cmd()).Error(), pool.ErrClosed)
	}
	require.EqualValues(t, 2, pools.Stats()[pool.User].Commands, "refused calls do not count")
	pools.Close()
}

func TestCloseClosesEachClientOnce(t *testing.T) {
	fs := new(fakeClients)
	pools, err := pool.Open(t.Context(), pool.Config{URL: "redis://a:1?addr=b:2", NewClient: fs.NewClient})
	require.NoError(t, err)
	require.Len(t, fs.open(), 1)
	pools.Close()
	pools.Close()
	for _, f := range fs.all() {
		require.Equal(t, 1, f.closed())
	}
}

func TestClientOfAnUnknownAlias(t *testing.T) {
	pools, err := pool.Open(t.Context(), pool.Config{URLs: map[pool.Alias]string{"b": "redis://h/1", "a": "redis://h/2"}, NewClient: new(fakeClients).NewClient})
	require.NoError(t, err)
	defer pools.Close()
	_, err = pools.Client(pool.User)
	require.ErrorIs(t, err, pool.ErrUnknownPool)
	require.ErrorContains(t, err, `unknown pool "user": these pools have a, b`)
	require.Empty(t, pools.Prefix(pool.User))
}

func TestPingReturnsAnErrorForEachAlias(t *testing.T) {
	fs := new(fakeClients)
	pools, err := pool.Open(t.Context(), pool.Config{URL: "redis://u:hunter2@h", NewClient: fs.NewClient})
	require.NoError(t, err)
	defer pools.Close()
	for _, f := range fs.open() {
		if db := f.opt.SelectDB; db == 11 || db == 8 {
			f.setReply(rueidis.NewErrorResult(errors.New("broken")))
		}
	}
	failed := split[*pool.ConnectError](t, pools.Ping(t.Context()))
	require.Len(t, failed, 2)
	require.Equal(t, "pool: expiry at h:6379 cannot be used: broken", failed[0].Error())
	require.Equal(t, pool.User, failed[1].Alias)
	require.EqualValues(t, 1, pools.Stats()[pool.User].Errors)
}
