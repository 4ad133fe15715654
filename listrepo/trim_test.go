package listrepo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// kill makes dead letters of values, one after the other.
func kill(t *testing.T, repo *listrepo.ListRepo[int], values ...int) {
	t.Helper()
	broken := errors.New("broken")
	for _, value := range values {
		_, err := repo.Push(ctx, "q", value)
		require.NoError(t, err)
		_, err = repo.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error { return broken })
		require.Equal(t, broken, err)
	}
}

// deadValues returns the values of the dead letters, sorted, and their ids.
func deadValues(t *testing.T, repo *listrepo.ListRepo[int]) (values []int, ids map[int]string) {
	t.Helper()
	ids = map[int]string{}
	for d, err := range repo.Dead(ctx, "q") {
		require.NoError(t, err)
		values, ids[d.Value] = append(values, d.Value), d.ID
	}
	slices.Sort(values)
	return values, ids
}

// Without DeadLimit, all dead letters stay. With it, the oldest ones go, also
// those of before, and nothing else.
func TestDeadLimit(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		all, key := newRepo[int](t, p, listrepo.MaxAttempts(1))
		kill(t, all, 1, 2, 3, 4, 5)
		values, _ := deadValues(t, all)
		require.Equal(t, []int{1, 2, 3, 4, 5}, values)

		limited := all.With(listrepo.DeadLimit(3))
		kill(t, limited, 6)
		values, ids := deadValues(t, limited)
		require.Equal(t, []int{4, 5, 6}, values)

		// An item that is delivered is not a dead letter.
		n, err := limited.Retry(ctx, "q", ids[4])
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		n, err = limited.Discard(ctx, "q", ids[5])
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		c := mustClaim(t, limited, 1, time.Minute)
		require.Equal(t, ids[4], c.Items[0].ID)
		kill(t, limited, 7, 8)
		values, _ = deadValues(t, limited)
		require.Equal(t, []int{6, 7, 8}, values)
		require.NoError(t, c.Fail(ctx, errors.New("broken again")))
		values, _ = deadValues(t, limited)
		require.Equal(t, []int{4, 7, 8}, values)

		// One whose lease expired counts, too.
		_, err = limited.Push(ctx, "q", 9)
		require.NoError(t, err)
		mustClaim(t, limited, 1, time.Millisecond)
		awaitWaiting(t, limited, 1)
		require.Empty(t, mustClaim(t, limited, 1, time.Minute).Items)
		values, ids = deadValues(t, limited)
		require.Equal(t, []int{4, 8, 9}, values)
		known, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside(p, "died", key)).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 3, known)
		n, err = limited.Discard(ctx, "q", ids[4], ids[8], ids[9])
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		requireNoKeys(t, p)
	})
}

// Dead letters of which %died does not know, since another program or Import
// wrote them, count by their times.
func TestDeadLimitOfUnknownDeadLetters(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1), listrepo.DeadLimit(200))
		const n = 700
		for i := range n {
			at := strconv.Itoa(1000 + (i*37)%n) // in no particular order
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "id"+strconv.Itoa(i), at+" 1 3 bad"+at).Error())
		}
		kill(t, repo, 9999)
		values, _ := deadValues(t, repo)
		require.Len(t, values, 200)
		require.Equal(t, 1000+n-199, values[0])
		require.Equal(t, 9999, values[199])
		known, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside(p, "died", key)).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 200, known)
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)
		requireNoKeys(t, p)
	})
}

func TestDeadLimitIsChecked(t *testing.T) {
	repo, _ := newRepo[int](t, pooltest.Embedded(t))
	_, err := repo.With(listrepo.DeadLimit(0)).Retry(ctx, "q", "x")
	require.ErrorIs(t, err, listrepo.ErrInvalidArgument)
	require.ErrorContains(t, err, "DeadLimit(0); a queue keeps at least one dead letter")
}

// killedBefore changes the times at which dead letters died to d ago.
func killedBefore(t *testing.T, p *pool.Pools, key string, d time.Duration, ids ...string) {
	t.Helper()
	at := strconv.FormatInt(time.Now().Add(-d).UnixMilli(), 10)
	for _, id := range ids {
		text, err := pooltest.Do(t, p, pool.Handlers, "HGET", beside(p, "dead", key), id).ToString()
		require.NoError(t, err)
		_, rest, _ := strings.Cut(text, " ")
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), id, at+" "+rest).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "died", key), at, id).Error())
	}
}

// requireLifetimeOfDead asserts that the keys of dead letters live for d at
// most, and for not much less, or have no lifetime if d is 0.
func requireLifetimeOfDead(t *testing.T, p *pool.Pools, key string, d time.Duration) {
	t.Helper()
	for _, kind := range []string{"dead", "died"} {
		ms := pttl(t, p, beside(p, kind, key))
		if d == 0 {
			require.EqualValues(t, -1, ms, kind)
			continue
		}
		require.LessOrEqual(t, ms, d.Milliseconds(), kind)
		require.Greater(t, ms, (d - 10*time.Minute).Milliseconds(), kind)
	}
}

// Without DeadFor, dead letters have no lifetime and stay. With it, those that
// are too old go, also if %died does not know them, and the others stay.
func TestDeadFor(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		var log bytes.Buffer
		all, key := newRepo[int](t, p, listrepo.MaxAttempts(1), option.Logger(slog.New(slog.NewTextHandler(&log, nil))))
		kill(t, all, 1, 2, 3, 4, 5)
		_, ids := deadValues(t, all)
		killedBefore(t, p, key, 2*time.Hour, ids[2], ids[4])
		killedBefore(t, p, key, 50*time.Minute, ids[1])
		kill(t, all, 6)
		values, _ := deadValues(t, all)
		require.Equal(t, []int{1, 2, 3, 4, 5, 6}, values)
		requireLifetimeOfDead(t, p, key, 0)
		require.Empty(t, log.String())

		kept := all.With(listrepo.DeadFor(time.Hour))
		kill(t, kept, 7)
		values, ids = deadValues(t, kept)
		require.Equal(t, []int{1, 3, 5, 6, 7}, values)
		requireLifetimeOfDead(t, p, key, time.Hour)
		require.EqualValues(t, 2, p.Stats()[pool.Handlers].DeadRemoved)
		require.Equal(t, 1, strings.Count(log.String(), "dead letters were removed, because of DeadLimit or DeadFor"), log.String())
		require.Contains(t, log.String(), "removed=2 limit=0 age=1h0m0s")

		killedBefore(t, p, key, 61*time.Minute, ids[6])
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", beside(p, "died", key)).Error())
		kill(t, kept, 8)
		values, ids = deadValues(t, kept)
		require.Equal(t, []int{1, 3, 5, 7, 8}, values)

		// With both bounds, each removes what the other leaves.
		killedBefore(t, p, key, 2*time.Hour, ids[8])
		kill(t, kept.With(listrepo.DeadLimit(3)), 9)
		values, _ = deadValues(t, kept)
		require.Equal(t, []int{5, 7, 9}, values)
		require.EqualValues(t, 6, p.Stats()[pool.Handlers].DeadRemoved)
		_, err := kept.Delete(ctx, "q")
		require.NoError(t, err)
		requireNoKeys(t, p)
	})
}

// The server removes the dead letters of a queue that gets no further ones.
func TestDeadForOfIdleQueues(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.MaxAttempts(1), listrepo.DeadFor(50*time.Millisecond))
		kill(t, repo, 1, 2)
		require.Eventually(t, func() bool { return len(pooltest.Keys(t, p, pool.Handlers)) == 0 }, 20*time.Second, 5*time.Millisecond)
	})
}

// Only a call that makes a dead letter with DeadFor sets the lifetime of dead
// letters. Every other one that adds some removes it, and the renewals of the
// queue do not change it.
func TestLifetimeOfDeadLetters(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1))
		kept := repo.With(listrepo.DeadFor(time.Hour))
		kill(t, kept, 1)
		for name, renewing := range map[string]*listrepo.ListRepo[int]{
			"longer": kept.With(listrepo.TTL(48 * time.Hour)), "shorter": kept.With(listrepo.TTL(time.Minute)),
			"NoTTL": kept.With(listrepo.NoTTL()), "KeepTTL": kept.With(listrepo.KeepTTL()), "none": kept,
		} {
			_, err := renewing.Push(ctx, "q", 2, 3)
			require.NoError(t, err, name)
			require.NoError(t, mustClaim(t, renewing, 1, time.Minute).Return(ctx), name)
			require.NoError(t, mustClaim(t, renewing, 1, time.Minute).Ack(ctx), name)
			_, err = renewing.Pop(ctx, "q", 2)
			require.NoError(t, err, name)
			requireLifetimeOfDead(t, p, key, time.Hour)
		}
		kill(t, repo, 4)
		requireLifetimeOfDead(t, p, key, 0)
		kill(t, kept, 5)
		requireLifetimeOfDead(t, p, key, time.Hour)

		// One whose lease expired, too.
		_, err := repo.Push(ctx, "q", 6)
		require.NoError(t, err)
		mustClaim(t, repo, 1, time.Millisecond)
		awaitWaiting(t, repo, 1)
		require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
		requireLifetimeOfDead(t, p, key, 0)

		kill(t, kept, 7)
		imported := listrepo.DeadLetter[int]{Item: listrepo.Item[int]{ID: "1-a-1", Attempt: 1}, Raw: []byte("8"), At: time.Now().Add(-2 * time.Hour)}
		require.NoError(t, repo.RestoreDead(ctx, internal.NotForPublicUse{}, "q", imported))
		require.EqualValues(t, -1, pttl(t, p, beside(p, "dead", key)))
		kill(t, kept, 9)
		values, _ := deadValues(t, kept)
		require.Equal(t, []int{1, 4, 5, 6, 7, 9}, values)
		requireLifetimeOfDead(t, p, key, time.Hour)
	})
}

// If the clock of the server was set back, the dead letters of the future are
// kept for the same time.
func TestDeadForAfterTheClockWasSetBack(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1), listrepo.DeadFor(time.Hour))
		kill(t, repo, 1)
		_, ids := deadValues(t, repo)
		killedBefore(t, p, key, -3*time.Hour, ids[1])
		kill(t, repo, 2)
		requireLifetimeOfDead(t, p, key, 4*time.Hour)
	})
}

// The script removes in pages, and times that are no times count as now.
func TestDeadForOfManyDeadLetters(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1), listrepo.DeadFor(time.Hour))
		const n = 1300
		for i := range n {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "id"+strconv.Itoa(i), strconv.Itoa(1000+i)+" 1 3 bad7").Error())
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "strange", "no time", "huge", strings.Repeat("9", 400)+" 1 3 bad7").Error())
		kill(t, repo, 1)
		left, err := pooltest.Do(t, p, pool.Handlers, "HKEYS", beside(p, "dead", key)).AsStrSlice()
		require.NoError(t, err)
		require.Len(t, left, 3)
		require.Subset(t, left, []string{"strange", "huge"})
		require.EqualValues(t, n, p.Stats()[pool.Handlers].DeadRemoved)
		requireLifetimeOfDead(t, p, key, time.Hour)
	})
}

// A call that finishes while another one makes %died anew removes nothing
// because of the limit: the oldest ones may not be in %died yet.
func TestDeadLimitBesideARepair(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		_, key := newRepo[int](t, p)
		dead, died := beside(p, "dead", key), beside(p, "died", key)
		source, err := os.ReadFile("lua/trim_dead.lua")
		require.NoError(t, err)
		trim := func(cursor string) (int64, string) {
			parts, err := pooltest.Do(t, p, pool.Handlers, "EVAL", string(source), "2", dead, died, "10", "0", cursor).ToArray()
			require.NoError(t, err)
			removed, err := parts[0].AsInt64()
			require.NoError(t, err)
			next, err := parts[2].ToString()
			require.NoError(t, err)
			return removed, next
		}
		for i := range 1000 {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", dead, "id"+strconv.Itoa(i), strconv.Itoa(1000+i)+" 1 3 bad7").Error())
		}
		_, cursor := trim("0")
		if cursor == "0" {
			t.Skip("this server scans a hash in one call")
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", died).Error()) // as another call does, when it begins
		for cursor != "0" {
			var removed int64
			removed, cursor = trim(cursor)
			require.Zero(t, removed)
		}
	})
}

func TestDeadForIsChecked(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[int](t, p)
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond - 1} {
		pooltest.RequireNothingSent(t, p, listrepo.ErrInvalidTTL, func() error {
			_, err := repo.With(listrepo.DeadFor(d)).Retry(ctx, "q", "x")
			require.ErrorContains(t, err, "DeadFor is "+d.String()+", which is under a millisecond; leave the option out to keep dead letters for ever")
			return err
		})
	}
}
