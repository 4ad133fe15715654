package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

var errNo = errors.New("no")

func fails(context.Context, expiry.Event) error { return errNo }

// addDead makes dead letters of triggers with the given ids, one after the
// other, which have payloads.
func (f *fixture) addDead(l *expiry.Listener, action string, ids ...string) {
	f.Helper()
	for _, id := range ids {
		before := l.Stats().DeadLettered
		require.NoError(f, f.schedule().SetPayload(ctx, action, id, "kept", 0))
		f.eventually(func() bool { return l.Stats().DeadLettered == before+1 })
	}
}

func idsOf(events []expiry.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// Without a bound, all dead letters stay. With one, a sweep and each dead
// letter remove the oldest ones with all that belongs to them, and nothing
// else.
func TestDeadLimit(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "pending", "kept", time.Hour))
		fast := expiry.Config{MaxAttempts: 1, Sweep: 10 * time.Millisecond}
		l, stop := f.listen(fast, handlers{"x": fails, "y": fails})
		f.addDead(l, "x", "1", "2", "3", "4", "5")
		f.addDead(l, "y", "1")
		stop()
		require.Zero(t, l.Stats().DeadRemoved)
		require.Equal(t, []string{"1", "2", "3", "4", "5"}, idsOf(deadLetters(t, l))[:5])

		limited, log := fast, &logBuffer{}
		limited.DeadLimit, limited.Sweep, limited.Logger = 2, time.Hour, slog.New(slog.NewTextHandler(log, nil))
		l, stop = f.listen(limited, handlers{"x": fails, "y": fails})
		f.eventually(func() bool { return l.Stats().DeadRemoved == 3 })
		require.Equal(t, []string{"4", "5", "1"}, idsOf(deadLetters(t, l)))
		require.Equal(t, 1, strings.Count(log.String(), "dead letters were removed"), log.String())
		require.Contains(t, log.String(), "action=x removed=3 limit=2")
		require.EqualValues(t, 2, f.redisInt("HLEN", "%exp:status:x"))
		require.EqualValues(t, 3, f.redisInt("HLEN", "%exp:payloads:x")) // with that of the pending trigger

		f.addDead(l, "x", "6")
		f.eventually(func() bool { return l.Stats().DeadRemoved == 4 })
		f.eventually(func() bool { return l.Stats().Dead == 3 })
		require.Equal(t, 2, strings.Count(log.String(), "dead letters were removed"), log.String())
		stop()
		left := deadLetters(t, l)
		require.Equal(t, []string{"5", "6", "1"}, idsOf(left))
		_, err := f.schedule().Due(ctx, "x", "pending")
		require.NoError(t, err)

		l, _ = f.listen(expiry.Config{DeadLimit: 2}, handlers{"x": f.record, "y": f.record})
		require.NoError(t, l.Discard(ctx, left[0]))
		require.NoError(t, l.Retry(ctx, left[1]))
		f.eventually(func() bool { return len(f.events()) == 1 })
		require.Equal(t, "6", f.events()[0].ID)
		requirePayload(t, f.events()[0])
	})
}

// A sweep removes the dead letters that are too old.
func TestDeadFor(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		cfg := expiry.Config{MaxAttempts: 1, Sweep: 10 * time.Millisecond}
		l, stop := f.listen(cfg, handlers{"x": fails})
		const n = 250
		for i := range n {
			require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), "kept", 0))
		}
		f.eventually(func() bool { return l.Stats().DeadLettered == n })
		stop()
		members, err := f.send("ZRANGE", "%exp:dead:x", "0", "-1").AsStrSlice()
		require.NoError(t, err)
		old := strconv.FormatInt(time.Now().Add(-2*time.Hour).UnixMilli(), 10)
		for _, member := range members[1:] {
			f.redis("ZADD", "%exp:dead:x", old, member)
		}
		cfg.DeadFor = time.Hour
		l, _ = f.listen(cfg, handlers{"x": fails})
		f.eventually(func() bool { return l.Stats().DeadRemoved == n-1 })
		require.Len(t, deadLetters(t, l), 1)
		require.EqualValues(t, 1, f.redisInt("HLEN", "%exp:status:x"))
		require.EqualValues(t, 1, f.redisInt("HLEN", "%exp:payloads:x"))
	})
}

// A dead letter that was retried, and waits for another firing of its trigger,
// stays, whatever the bounds are.
func TestRetriedDeadLettersStay(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		running, release := make(chan struct{}), make(chan struct{})
		calls := 0 // the firings of one trigger do not overlap
		l, _ := f.listen(expiry.Config{MaxAttempts: 1, DeadLimit: 1}, handlers{"x": func(c context.Context, e expiry.Event) error {
			if e.ID != "1" {
				return errNo
			}
			if calls++; calls == 1 {
				return errNo
			}
			if calls == 2 {
				close(running)
				<-release
			}
			return f.record(c, e)
		}})
		f.addDead(l, "x", "1")
		letter := deadLetters(t, l)[0]
		require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
		<-running
		require.NoError(t, l.Retry(ctx, letter))
		f.addDead(l, "x", "2", "3")
		f.eventually(func() bool { return l.Stats().DeadRemoved == 1 })
		require.Equal(t, []string{"1", "3"}, idsOf(deadLetters(t, l)))
		close(release)
		f.eventually(func() bool { return len(f.events()) == 2 })
		require.Equal(t, 2, f.events()[1].Attempt)
		require.Equal(t, []string{"3"}, idsOf(deadLetters(t, l)))
	})
}

// On a cluster, the bound is that of each shard.
func TestDeadLimitOnACluster(t *testing.T) {
	pooltest.Long(t)
	t.Parallel()
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()}))
	l, _ := f.listen(expiry.Config{MaxAttempts: 1, DeadLimit: 1}, handlers{"x": fails})
	const n = 64
	for i := range n {
		require.NoError(t, f.schedule().Set(ctx, "x", strconv.Itoa(i), 0))
	}
	f.eventually(func() bool { s := l.Stats(); return s.DeadLettered == n && s.DeadRemoved >= n-16 })
	left := deadLetters(t, l)
	require.LessOrEqual(t, len(left), 16)
	require.EqualValues(t, n-len(left), l.Stats().DeadRemoved)
}

func TestBoundsOfDeadLettersAreChecked(t *testing.T) {
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", fails))
	_, err := expiry.NewListener(pooltest.Embedded(t), r, expiry.Config{DeadLimit: -1, DeadFor: -time.Second})
	require.ErrorIs(t, err, expiry.ErrInvalidArgument)
	require.ErrorContains(t, err, fmt.Sprintf("DeadLimit: %d is negative; use 0 to keep all dead letters", -1))
	require.ErrorContains(t, err, "DeadFor: -1s is negative; use 0 to keep dead letters for ever")
}
