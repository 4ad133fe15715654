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
// with a script. A failure ends the process, because rueidis panics in a
// background goroutine, so each case runs in another process.
func TestConnectionsEndWhileTheServerIsBusy(t *testing.T) {
	const serverVariable, caseVariable = "POOL_BUSY_SERVER", "POOL_BUSY_CASE"
	cases := map[string]func(ctx context.Context, c rueidis.Client, makeBusy func()){
		"subscription": func(ctx context.Context, c rueidis.Client, makeBusy func()) {
			endSubscription(ctx, c, c, makeBusy)
		},
		"dedicated subscription": func(ctx context.Context, c rueidis.Client, makeBusy func()) {
			d, release := c.Dedicate()
			defer release()
			endSubscription(ctx, c, d, makeBusy)
		},
		"subscription of a node": func(ctx context.Context, c rueidis.Client, makeBusy func()) {
			for _, n := range c.Nodes() {
				endSubscription(ctx, c, n, makeBusy)
			}
		},
		"hooks": func(ctx context.Context, c rueidis.Client, makeBusy func()) {
			_ = c.Dedicated(func(d rueidis.DedicatedClient) error {
				d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(rueidis.PubSubMessage) {}})
				err := d.Do(ctx, c.B().Subscribe().Channel("ch").Build()).Error()
				makeBusy()
				return err
			})
		},
		"concurrent calls": func(ctx context.Context, c rueidis.Client, makeBusy func()) {
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
			makeBusy()
			release()
		},
		"blocking call": func(_ context.Context, c rueidis.Client, makeBusy func()) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			d, release := c.Dedicate()
			_ = d.Do(ctx, c.B().Blpop().Key("q").Timeout(0.001).Build()).Error()
			makeBusy()
			release()
		},
	}
	if url := os.Getenv(serverVariable); url != "" {
		runWhileBusy(t, url, cases[os.Getenv(caseVariable)])
		return
	}
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			s := redistest.Server(t, "busy-reply-threshold 1")
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestConnectionsEndWhileTheServerIsBusy$", "-test.v")
			child.Env = append(os.Environ(), serverVariable+"="+s.URL(), caseVariable+"="+name)
			out, err := child.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// endSubscription subscribes, makes the server busy, and ends the subscription.
func endSubscription(ctx context.Context, c rueidis.Client, on rueidis.CoreClient, makeBusy func()) {
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
	makeBusy()
	end()
	<-returned
}

// runWhileBusy runs a case. It returns when the server has replied to the
// commands of the case, and requires that the client still works.
func runWhileBusy(t *testing.T, url string, run func(ctx context.Context, c rueidis.Client, makeBusy func())) {
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
	serverError := func() error { return other.Do(ctx, other.B().Arbitrary("DBSIZE").Build()).Error() }
	var script sync.WaitGroup
	run(ctx, c, func() {
		scriptClient, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{url[len("redis://"):]}, DisableCache: true, ForceSingleClient: true})
		require.NoError(t, err)
		script.Go(func() {
			defer scriptClient.Close()
			_ = scriptClient.Do(ctx, scriptClient.B().Eval().Script("while true do end").Numkeys(0).Build()).Error()
		})
		for ; serverError() == nil; time.Sleep(time.Millisecond) {
			require.NoError(t, ctx.Err())
		}
	})
	_ = c.Do(ctx, c.B().Ping().Build()).Error() // returns after the replies to all earlier commands
	require.NoError(t, other.Do(ctx, other.B().ScriptKill().Build()).Error())
	script.Wait()
	for ; serverError() != nil; time.Sleep(time.Millisecond) {
		require.NoError(t, ctx.Err())
	}
	require.NoError(t, c.Do(ctx, c.B().Ping().Build()).Error())
	require.NoError(t, c.Dedicated(func(d rueidis.DedicatedClient) error {
		return d.Do(ctx, c.B().Ping().Build()).Error()
	}))
}
