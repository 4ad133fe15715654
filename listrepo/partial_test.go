package listrepo_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// If a call fails after one of its commands was applied, its error reports
// MaybeApplied.
func TestPartlyApplied(t *testing.T) {
	server := redistest.Server(t)
	direct := server.Client(t, 10)
	hook := &commandHook{}
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), NewClient: hook.newClient})
	repo, key := newRepo[int](t, p)
	twoPages := slices.Repeat([]string{"1-a-1"}, 2*listrepo.MaxCount)
	setRights := func(rules ...string) {
		set := direct.B().Arbitrary("ACL", "SETUSER", "default").Args(rules...).Build()
		require.NoError(t, direct.Do(ctx, set).Error())
	}
	refuse := func() { setRights("-evalsha", "-eval", "-hdel") }
	allow := func() { setRights("+@all") }
	for name, c := range map[string]struct {
		commands     int // that succeed before the others are refused
		call         func(ctx context.Context) error
		maybeApplied bool
	}{
		"Delete":                     {1, func(ctx context.Context) error { _, err := repo.Delete(ctx, "q"); return err }, true},
		"Delete of two queues":       {2, func(ctx context.Context) error { _, err := repo.Delete(ctx, "q", "r"); return err }, true},
		"Discard of one page":        {0, func(ctx context.Context) error { _, err := repo.Discard(ctx, "q", "x"); return err }, false},
		"Retry":                      {1, func(ctx context.Context) error { _, err := repo.Retry(ctx, "q", twoPages...); return err }, true},
		"Retry of one page":          {0, func(ctx context.Context) error { _, err := repo.Retry(ctx, "q", "x"); return err }, false},
		"Discard":                    {1, func(ctx context.Context) error { _, err := repo.Discard(ctx, "q", twoPages...); return err }, true},
		"Push with a claim to renew": {1, func(ctx context.Context) error { _, err := repo.Push(ctx, "q", 1); return err }, true},
		"Pop with a claim to renew":  {1, func(ctx context.Context) error { _, err := repo.Pop(ctx, "q", 1); return err }, true},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.call(ctx)) // the server knows the scripts from now on
			require.NoError(t, direct.Do(ctx, direct.B().Flushdb().Build()).Error())
			_, err := repo.With(listrepo.TTL(time.Hour)).Push(ctx, "q", 1, 2, 3)
			require.NoError(t, err)
			mustClaim(t, repo.With(listrepo.TTL(time.Hour)), 1, time.Minute)
			require.NoError(t, direct.Do(ctx, direct.B().Hset().Key(beside(p, "dead", key)).FieldValue().FieldValue("1-a-1", "5 1 0 7").Build()).Error())
			defer allow()
			hook.runAfter(c.commands, refuse)
			err = c.call(ctx)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, c.maybeApplied, op.MaybeApplied(), err)

			allow()
			hook.runAfter(-1, nil)
			ended, cancel := context.WithCancel(ctx)
			defer cancel()
			if c.commands > 0 {
				hook.runAfter(c.commands, cancel)
				if err = c.call(ended); err != nil {
					require.ErrorAs(t, err, &op)
					require.True(t, op.MaybeApplied(), err)
				}
				hook.runAfter(-1, nil)
			}
		})
	}
}

// commandHook runs a function before one of the commands of a client.
type commandHook struct {
	mu        sync.Mutex
	remaining int
	run       func()
}

// runAfter runs a function once, after the given number of commands.
func (h *commandHook) runAfter(commands int, run func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remaining, h.run = commands, run
}

func (h *commandHook) beforeCommand() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.remaining == 0 && h.run != nil {
		h.run()
		h.run = nil
	}
	h.remaining--
}

func (h *commandHook) newClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := rueidis.NewClient(opt)
	return &hookedClient{c, h}, err
}

type hookedClient struct {
	rueidis.Client
	hook *commandHook
}

func (c *hookedClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	c.hook.beforeCommand()
	return c.Client.Do(ctx, cmd)
}

func (c *hookedClient) DoMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	c.hook.beforeCommand()
	return c.Client.DoMulti(ctx, cmds...)
}

func TestErrorTextsOfClaims(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		c, other := mustClaim(t, repo, 1, time.Minute), mustClaim(t, repo, 1, time.Minute)
		err = c.Ack(ctx, other.Items...)
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.ErrorContains(t, err, "does not belong to this claim")
		require.NotContains(t, err.Error(), "record not found")
		_, err = repo.Claim(ctx, "q", -1, time.Minute)
		require.ErrorContains(t, err, "a count of -1; it must be from 0 to 500")

		for _, name := range keysBeside(t, p, key) { // like an eviction
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", name).Error())
		}
		for _, err := range []error{c.Extend(ctx, time.Minute), c.Release(ctx), c.Ack(ctx, c.Items...), c.Ack(ctx)} {
			require.ErrorIs(t, err, symphony.ErrLeaseLost)
			require.NotContains(t, err.Error(), "went to")
			require.ErrorContains(t, err, "or they were removed")
		}
	})
}
