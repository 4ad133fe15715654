package systemtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

const (
	uniqueProcesses = 4
	uniqueWriters   = 16 // of each process
	uniqueRounds    = 40
)

// uniqueSetting is what a process of TestUniqueHasOneWinner needs.
type uniqueSetting struct {
	URL     string
	Process int
}

type uniqueRecord struct {
	Name string `redis:"name,unique"`
	City string `redis:"city,index"`
	Note string `redis:"note"`
}

// In each round, 64 writers of 4 processes write one value. One of them wins,
// and nothing of the others is left: no record, no entry, no id in the list.
// Then the record of the winner expires.
func TestUniqueHasOneWinner(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: time.Minute})
	for n := range uniqueProcesses {
		c := &childProcess{t: t, test: "TestUniqueWriters", setting: uniqueSetting{server.URL(), n}, number: n}
		c.start()
		t.Cleanup(c.kill)
	}
	// The first process ends the record of the last round, too.
	require.Eventually(t, func() bool {
		n, err := pooltest.Do(t, p, pool.User, "GET", barrierKey(uniqueRounds-1, "ended")).AsInt64()
		return err == nil && n == uniqueProcesses
	}, 3*time.Minute, 10*time.Millisecond)
	wins := pooltest.Hash(t, p, pool.User, "wins")
	for round := range uniqueRounds {
		assert.Equal(t, "1", wins[fmt.Sprint(round)], "round %d", round)
	}
	require.Empty(t, pooltest.Hash(t, p, pool.User, "faults"))
}

// TestUniqueWriters is a process of TestUniqueHasOneWinner.
func TestUniqueWriters(t *testing.T) {
	alive, setting, _ := childSetting[uniqueSetting](t)
	p := openWhenReady(alive, setting.URL)
	defer p.Close()
	space, err := p.Layout().User.Bind("acme")
	require.NoError(t, err)
	repo, err := hashrepo.New[uniqueRecord](p, pool.User, space)
	require.NoError(t, err)
	name := hashrepo.FieldOf(func(r *uniqueRecord) *string { return &r.Name })
	city := hashrepo.FieldOf(func(r *uniqueRecord) *string { return &r.City })
	write := func(n int, id string, v uniqueRecord) error {
		switch n % 5 {
		case 0:
			return repo.Upsert(alive, id, v)
		case 1:
			return repo.Update(alive, id, name.Set(v.Name), city.Set(v.City))
		case 2:
			return repo.Replace(alive, id, v)
		case 3:
			return repo.UpsertMany(alive, hashrepo.Record[uniqueRecord]{ID: id, Value: v})
		}
		_, err := repo.Mutate(alive, id, func(r *uniqueRecord) error { *r = v; return nil })
		return err
	}
	for round := range uniqueRounds {
		awaitBarrier(alive, t, p, round, "start")
		var writers sync.WaitGroup
		for n := range uniqueWriters {
			writers.Go(func() {
				id := fmt.Sprintf("%d-%d-%d", round, setting.Process, n)
				switch err := write(n+round, id, uniqueRecord{Name: "taken", City: id}); {
				case err == nil:
					control(t, p, "HINCRBY", "wins", fmt.Sprint(round), "1")
					control(t, p, "SET", "winner", id)
				case !errors.Is(err, symphony.ErrExists):
					control(t, p, "HSET", "faults", id, err.Error())
				}
			})
		}
		writers.Wait()
		awaitBarrier(alive, t, p, round, "written")
		if setting.Process == 0 {
			endRound(alive, t, p, repo, round)
		}
		awaitBarrier(alive, t, p, round, "ended")
	}
}

// endRound notes what is left beside the record of the winner, and ends that
// record.
func endRound(ctx context.Context, t *testing.T, p *pool.Pools, repo *hashrepo.HashRepo[uniqueRecord], round int) {
	for _, left := range [][]string{
		{"ZCARD", "%ids:{acme:user:}"}, {"ZCARD", "%checks:{acme:user:}"}, {"HLEN", "%entries:{acme:user:}"},
		{"ZCARD", "%index:{acme:user:}:t-name"}, {"ZCARD", "%index:{acme:user:}:t-city"},
	} {
		if n, err := pooltest.Do(t, p, pool.User, left...).AsInt64(); err != nil || n != 1 {
			control(t, p, "HSET", "faults", fmt.Sprint(round, left), fmt.Sprint(n, err))
		}
	}
	if records, err := pooltest.Do(t, p, pool.User, "KEYS", "acme:user:*").AsStrSlice(); err != nil || len(records) != 1 {
		control(t, p, "HSET", "faults", fmt.Sprint(round, " records"), fmt.Sprint(records, err))
	}
	winner, err := pooltest.Do(t, p, pool.User, "GET", "winner").ToString()
	require.NoError(t, err)
	_, err = repo.With(hashrepo.TTL(time.Millisecond)).Touch(ctx, winner)
	require.NoError(t, err)
	for exists := true; exists; {
		exists, err = repo.Exists(ctx, winner)
		require.NoError(t, err)
	}
}

func barrierKey(round int, step string) string { return fmt.Sprintf("barrier:%d:%s", round, step) }

// awaitBarrier waits until all processes have called it for a step of a round.
func awaitBarrier(ctx context.Context, t *testing.T, p *pool.Pools, round int, step string) {
	t.Helper()
	key := barrierKey(round, step)
	control(t, p, "INCR", key)
	for arrived := int64(0); arrived < uniqueProcesses && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		var err error
		arrived, err = pooltest.Do(t, p, pool.User, "GET", key).AsInt64()
		require.NoError(t, err)
	}
}

func control(t *testing.T, p *pool.Pools, command ...string) {
	t.Helper()
	assert.NoError(t, pooltest.Do(t, p, pool.User, command...).Error())
}
