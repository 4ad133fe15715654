package pool_test

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A subscription and a dedicated connection may end while the server is busy
// with a script. What rueidis does wrong then ends the process, so each case has
// a process of its own.
func TestEndingWhileTheServerIsBusy(t *testing.T) {
	const server, which = "POOL_BUSY_SERVER", "POOL_BUSY_CASE"
	cases := map[string]func(ctx context.Context, c rueidis.Client, busy func()){
		"subscription": func(ctx context.Context, c rueidis.Client, busy func()) {
			ends(ctx, c, c, busy)
		},
		"dedicated subscription": func(ctx context.Context, c rueidis.Client, busy func()) {
			d, release := c.Dedicate()
			defer release()
			ends(ctx, c, d, busy)
		},
		"subscription of a node": func(ctx context.Context, c rueidis.Client, busy func()) {
			for _, n := range c.Nodes() {
				ends(ctx, c, n, busy)
			}
		},
		"hooks": func(ctx context.Context, c rueidis.Client, busy func()) {
			_ = c.Dedicated(func(d rueidis.DedicatedClient) error {
				d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(rueidis.PubSubMessage) {}})
				err := d.Do(ctx, c.B().Subscribe().Channel("ch").Build()).Error()
				busy()
				return err
			})
		},
		"calls at once": func(ctx context.Context, c rueidis.Client, busy func()) {
			d, release := c.Dedicate()
			var calls sync.WaitGroup
			for range 8 {
				calls.Go(func() {
					for range 200 {
						_ = d.Do(ctx, c.B().Ping().Build()).Error()
					}
				})
			}
			calls.Wait()
			busy()
			release()
		},
		"blocking call": func(_ context.Context, c rueidis.Client, busy func()) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			d, release := c.Dedicate()
			_ = d.Do(ctx, c.B().Blpop().Key("q").Timeout(0.001).Build()).Error()
			busy()
			release()
		},
	}
	if url := os.Getenv(server); url != "" {
		while(t, url, cases[os.Getenv(which)])
		return
	}
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			s := redistest.Server(t, "busy-reply-threshold 1")
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEndingWhileTheServerIsBusy$", "-test.v")
			child.Env = append(os.Environ(), server+"="+s.URL(), which+"="+name)
			out, err := child.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// ends subscribes, and ends the subscription once the server is busy.
func ends(ctx context.Context, c rueidis.Client, on rueidis.CoreClient, busy func()) {
	ctx, end := context.WithCancel(ctx)
	subscribed, returned := make(chan struct{}), make(chan struct{})
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(p rueidis.PubSubSubscription) {
		if p.Kind == "subscribe" {
			close(subscribed)
		}
	})
	go func() {
		defer close(returned)
		_ = on.(interface {
			Receive(context.Context, rueidis.Completed, func(rueidis.PubSubMessage)) error
		}).Receive(hooked, c.B().Subscribe().Channel("ch").Build(), func(rueidis.PubSubMessage) {})
	}()
	<-subscribed
	busy()
	end()
	<-returned
}

// while runs a case, and returns when the server has answered what the case sent.
func while(t *testing.T, url string, run func(ctx context.Context, c rueidis.Client, busy func())) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	pools, err := pool.Open(ctx, pool.Config{URL: url})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	other, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{url[len("redis://"):]}, DisableCache: true, ForceSingleClient: true})
	require.NoError(t, err)
	defer other.Close()
	ping := func() error { return other.Do(ctx, other.B().Arbitrary("DBSIZE").Build()).Error() }
	var script sync.WaitGroup
	run(ctx, c, func() {
		endless, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{url[len("redis://"):]}, DisableCache: true, ForceSingleClient: true})
		require.NoError(t, err)
		script.Go(func() {
			defer endless.Close()
			_ = endless.Do(ctx, endless.B().Eval().Script("while true do end").Numkeys(0).Build()).Error()
		})
		for ; ping() == nil; time.Sleep(time.Millisecond) {
			require.NoError(t, ctx.Err())
		}
	})
	_ = c.Do(ctx, c.B().Ping().Build()).Error() // what was sent before it has been answered
	require.NoError(t, other.Do(ctx, other.B().ScriptKill().Build()).Error())
	script.Wait()
	for ; ping() != nil; time.Sleep(time.Millisecond) {
		require.NoError(t, ctx.Err())
	}
	require.NoError(t, c.Do(ctx, c.B().Ping().Build()).Error())
	require.NoError(t, c.Dedicated(func(d rueidis.DedicatedClient) error {
		return d.Do(ctx, c.B().Ping().Build()).Error()
	}))
}
