package listrepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A push soon after another one, which has a script of its own, is undone if a
// key that it needs holds another type.
func TestUsualPushIsUndone(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, key, set, queues := newMarkedRepo(t, p)
	do := func(args ...string) { require.NoError(t, pooltest.Do(t, p, pool.Handlers, args...).Error()) }
	prefix := p.Prefix(pool.Handlers)
	for name, wrong := range map[string]string{"set": prefix + set, "age": beside(p, "age", key), "queues": queues} {
		for _, before := range [][]int{nil, {1, 2}} {
			if len(before) > 0 && name != "set" {
				continue // such a push needs only the set
			}
			_, err := repo.Push(ctx, "q", 0) // repairs the schedule, so the next push need not
			require.NoError(t, err)
			do("DEL", prefix+key+"q")
			for _, v := range before {
				do("RPUSH", prefix+key+"q", string(rune('0'+v)))
			}
			do("DEL", wrong)
			do("SET", wrong, "x")
			_, err = repo.Push(ctx, "q", 3, 4)
			require.ErrorIs(t, err, listrepo.ErrWrongType, name)
			do("DEL", wrong)
			items, err := repo.Range(ctx, "q", 0, -1)
			require.NoError(t, err)
			require.ElementsMatch(t, before, items, name)
		}
	}
}

// Pushes soon after another one keep to the options of their views.
func TestUsualPushKeepsToTheOptions(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, key, _, _ := newMarkedRepo(t, p)
	name := p.Prefix(pool.Handlers) + key + "q"
	_, err := repo.Push(ctx, "q", 1)
	require.NoError(t, err)
	_, err = repo.With(listrepo.IfAbsent()).Push(ctx, "q", 2)
	require.ErrorIs(t, err, listrepo.ErrExists)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "PEXPIRE", name, "3600000").Error())
	_, err = repo.With(listrepo.KeepTTL()).Push(ctx, "q", 2)
	require.NoError(t, err)
	left, err := repo.TTL(ctx, "q")
	require.NoError(t, err)
	require.InDelta(t, time.Hour, left, float64(time.Minute))
	n, err := repo.Push(ctx, "q", 3)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	left, err = repo.TTL(ctx, "q")
	require.NoError(t, err)
	require.Negative(t, left)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", name).Error())
	_, err = repo.With(listrepo.IfExists()).Push(ctx, "q", 4)
	require.ErrorIs(t, err, listrepo.ErrNotFound)
}
