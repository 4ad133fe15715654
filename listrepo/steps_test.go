package listrepo_test

import (
	"context"
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

// A call of several steps that fails after one of them was applied says so.
func TestStepsThatWereApplied(t *testing.T) {
	server := redistest.Server(t)
	direct := server.Client(t, 10)
	steps := &between{}
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), NewClient: steps.client})
	repo, key := newRepo[int](t, p)
	var many []string
	for range 2 * listrepo.MaxCount {
		many = append(many, "1-a-1")
	}
	rights := func(rights ...string) {
		set := direct.B().Arbitrary("ACL", "SETUSER", "default").Args(rights...).Build()
		require.NoError(t, direct.Do(ctx, set).Error())
	}
	refuse, allow := func() { rights("-evalsha", "-eval", "-hdel") }, func() { rights("+@all") }
	for name, call := range map[string]struct {
		after int // commands that go through before everything is refused
		do    func(ctx context.Context) error
		maybe bool
	}{
		"Delete":              {1, func(ctx context.Context) error { _, err := repo.Delete(ctx, "q"); return err }, true},
		"Delete of more":      {2, func(ctx context.Context) error { _, err := repo.Delete(ctx, "q", "r"); return err }, true},
		"Delete of one":       {0, func(ctx context.Context) error { _, err := repo.Discard(ctx, "q", "x"); return err }, false},
		"Retry":               {1, func(ctx context.Context) error { _, err := repo.Retry(ctx, "q", many...); return err }, true},
		"Retry of one page":   {0, func(ctx context.Context) error { _, err := repo.Retry(ctx, "q", "x"); return err }, false},
		"Discard":             {1, func(ctx context.Context) error { _, err := repo.Discard(ctx, "q", many...); return err }, true},
		"Push over many rest": {1, func(ctx context.Context) error { _, err := repo.Push(ctx, "q", 1); return err }, true},
		"Pop over many rest":  {1, func(ctx context.Context) error { _, err := repo.Pop(ctx, "q", 1); return err }, true},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, call.do(ctx)) // so that the server knows the scripts
			require.NoError(t, direct.Do(ctx, direct.B().Flushdb().Build()).Error())
			_, err := repo.With(listrepo.TTL(time.Hour)).Push(ctx, "q", 1, 2, 3)
			require.NoError(t, err)
			claim(t, repo.With(listrepo.TTL(time.Hour)), 1, time.Minute)
			require.NoError(t, direct.Do(ctx, direct.B().Hset().Key(beside(p, "dead", key)).FieldValue().FieldValue("1-a-1", "5 1 0 7").Build()).Error())
			defer allow()
			steps.arm(call.after, refuse)
			err = call.do(ctx)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, call.maybe, op.MaybeApplied(), err)

			allow()
			steps.arm(-1, nil)
			ended, cancel := context.WithCancel(ctx)
			defer cancel()
			if call.after > 0 {
				steps.arm(call.after, cancel)
				if err = call.do(ended); err != nil {
					require.ErrorAs(t, err, &op)
					require.True(t, op.MaybeApplied(), err)
				}
				steps.arm(-1, nil)
			}
		})
	}
}

// between calls something between two commands of a client.
type between struct {
	mu   sync.Mutex
	left int
	then func()
}

func (b *between) arm(after int, then func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.then = after, then
}

func (b *between) step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 && b.then != nil {
		b.then()
		b.then = nil
	}
	b.left--
}

func (b *between) client(opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := rueidis.NewClient(opt)
	return &steppedClient{c, b}, err
}

type steppedClient struct {
	rueidis.Client
	between *between
}

func (c *steppedClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	c.between.step()
	return c.Client.Do(ctx, cmd)
}

func (c *steppedClient) DoMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	c.between.step()
	return c.Client.DoMulti(ctx, cmds...)
}

// Errors say what is known and no more.
func TestWhatErrorsOfClaimsSay(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		c, other := claim(t, repo, 1, time.Minute), claim(t, repo, 1, time.Minute)
		err = c.Ack(ctx, other.Items...)
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.ErrorContains(t, err, "does not belong to this claim")
		require.NotContains(t, err.Error(), "record not found")
		_, err = repo.Claim(ctx, "q", -1, time.Minute)
		require.ErrorContains(t, err, "a count of -1; it must be from 0 to 500")

		for _, name := range own(t, p, key) { // as an eviction does
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", name).Error())
		}
		for _, err := range []error{c.Extend(ctx, time.Minute), c.Release(ctx), c.Ack(ctx, c.Items...), c.Ack(ctx)} {
			require.ErrorIs(t, err, symphony.ErrLeaseLost)
			require.NotContains(t, err.Error(), "went to")
			require.ErrorContains(t, err, "or they were removed")
		}
	})
}
