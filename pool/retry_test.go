package pool_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// The writer of a broken connection may still read a command that was retried,
// so rueidis must not reuse the command after its reply.
func TestRetriedCommandsAreNotReused(t *testing.T) {
	s := redistest.Server(t)
	proxy := redistest.NewProxy(t, s)
	var retries atomic.Int64
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: proxy.URL(), NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		delay := opt.RetryDelay
		opt.RetryDelay = func(attempts int, cmd rueidis.Completed, err error) time.Duration {
			retries.Add(1)
			proxy.SetFault(redistest.Healthy)
			return delay(attempts, cmd, err)
		}
		return rueidis.NewClient(opt)
	}})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	mustDo(t, c, "SET", "a", "1")

	get := func() rueidis.Completed { return c.B().Get().Key("a").Build() }
	for name, commands := range map[string][]rueidis.Completed{
		"one":     {get()},
		"several": {get(), get(), get()},
		"marked":  {c.B().Incr().Key("n").Build().ToRetryable()},
	} {
		t.Run(name, func(t *testing.T) {
			before := retries.Load()
			proxy.SetFault(redistest.CloseOnReply)
			for _, r := range c.DoMulti(withTimeout(t), commands...) {
				require.NoError(t, r.Error())
			}
			require.Greater(t, retries.Load(), before)
			for _, cmd := range commands {
				require.Len(t, cmd.Commands(), 2)
			}
		})
	}
	t.Run("alone", func(t *testing.T) {
		before, cmd := retries.Load(), get()
		proxy.SetFault(redistest.CloseOnReply)
		require.NoError(t, c.Do(withTimeout(t), cmd).Error())
		require.Greater(t, retries.Load(), before)
		require.Equal(t, []string{"GET", "a"}, cmd.Commands())
	})
}
