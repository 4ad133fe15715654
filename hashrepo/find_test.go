package hashrepo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

func TestGetMany(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Base](t, p)
		var records []hashrepo.Record[Base]
		var ids []string
		for i := range 100 {
			records = append(records, record(fmt.Sprint("u", i), Base{fmt.Sprint("o", i)}))
			ids = append(ids, records[i].ID)
		}
		require.NoError(t, repo.UpsertMany(ctx, records...))
		slices.Reverse(records)
		slices.Reverse(ids)
		got, err := repo.GetMany(ctx, append([]string{"gone"}, ids...)...)
		require.NoError(t, err)
		require.Equal(t, records, got)
		got, err = repo.GetMany(ctx)
		require.NoError(t, err)
		require.Empty(t, got)
		before := p.Stats()[pool.User].Commands
		got, err = repo.GetMany(ctx, "gone1", "gone2", "gone3")
		require.NoError(t, err)
		require.Empty(t, got)
		require.LessOrEqual(t, p.Stats()[pool.User].Commands-before, int64(6))
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { _, err := repo.GetMany(ctx, "u1", ""); return err })
	})
}

func TestAllAndFind(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		other, _ := newRepo[Profile](t, p)
		require.NoError(t, other.Upsert(ctx, "x", Profile{}))
		const n = 2500
		var records []hashrepo.Record[Profile]
		for i := range n {
			records = append(records, record(fmt.Sprint("u:", i, "*"), Profile{Score: int64(i % 10), Name: fmt.Sprint(i)}))
		}
		require.NoError(t, repo.UpsertMany(ctx, records...))
		require.NoError(t, pooltest.Do(t, p, pool.User, "SET", key+"string", "x").Error())

		seen := map[string]bool{}
		for r, err := range repo.All(ctx) {
			require.NoError(t, err)
			require.False(t, seen[r.ID])
			require.Equal(t, "u:"+r.Value.Name+"*", r.ID)
			seen[r.ID] = true
		}
		require.Len(t, seen, n)

		found := 0
		for r, err := range repo.Find(ctx, hashrepo.At[Profile]("score").Eq(3), hashrepo.At[Profile]("nick").Eq(nil)) {
			require.NoError(t, err)
			require.EqualValues(t, 3, r.Value.Score)
			found++
		}
		require.Equal(t, n/10, found)
		for range repo.Find(ctx, hashrepo.At[Profile]("score").Eq(11)) {
			t.Fatal("found a record that does not match")
		}
		one, err := repo.FindOne(ctx, hashrepo.At[Profile]("name").Eq("77"))
		require.NoError(t, err)
		require.Equal(t, "u:77*", one.ID)
		_, err = repo.FindByField(ctx, "name", "none")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		_, err = repo.FindOne(ctx)
		require.NoError(t, err)
		pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, func() error { _, err := repo.FindByField(ctx, "nome", 1); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrFieldType, func() error { _, err := repo.FindByField(ctx, "score", "3"); return err })

		deleted, err := repo.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, n, deleted)
		rest, err := other.Exists(ctx, "x")
		require.NoError(t, err)
		require.True(t, rest)
		require.NoError(t, pooltest.Do(t, p, pool.User, "GET", key+"string").Error())
	})
}

// Every record that Find yields matches, even if other clients write.
func TestFindWhileOthersWrite(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[Profile](t, p)
	var even, odd []hashrepo.Record[Profile]
	for i := range 500 {
		even = append(even, record(fmt.Sprint(i), Profile{Score: 2}))
		odd = append(odd, record(fmt.Sprint(i), Profile{Score: 3}))
	}
	require.NoError(t, repo.UpsertMany(ctx, even...))
	writing, stop := context.WithCancel(ctx)
	var writer sync.WaitGroup
	writer.Go(func() {
		for writing.Err() == nil {
			_ = repo.UpsertMany(writing, odd...) // ends with the test
			_ = repo.UpsertMany(writing, even...)
		}
	})
	for range 100 {
		for r, err := range repo.Find(ctx, hashrepo.At[Profile]("score").Eq(2)) {
			require.NoError(t, err)
			require.EqualValues(t, 2, r.Value.Score)
		}
	}
	stop()
	writer.Wait()
}

// SCAN repeats keys while its hash table shrinks. All yields none twice, and no
// record that is gone.
func TestAllWhileTheTableShrinks(t *testing.T) {
	server := redistest.Server(t, "enable-debug-command yes")
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	repo, _ := newRepo[Base](t, p)
	const n, kept = 20_000, 50
	var records []hashrepo.Record[Base]
	var gone []string
	for i := range n {
		records = append(records, record(fmt.Sprint(i), Base{"o"}))
		if i%kept != 0 {
			gone = append(gone, fmt.Sprint(i))
		}
	}
	require.NoError(t, repo.UpsertMany(ctx, records...))
	times := map[string]int{}
	for r, err := range repo.All(ctx) {
		require.NoError(t, err)
		require.Equal(t, "o", r.Value.Owner, "a deleted record was yielded as zero")
		if times[r.ID]++; len(times) == 500 {
			_, err := repo.Delete(ctx, gone...)
			require.NoError(t, err)
			waitUntilTableShrinks(t, p)
		}
	}
	for i := 0; i < n; i += kept {
		require.Equal(t, 1, times[fmt.Sprint(i)], i)
	}
	for id, n := range times {
		require.Equal(t, 1, n, id)
	}
}

// waitUntilTableShrinks waits until the hash table of the keys is smaller.
func waitUntilTableShrinks(t *testing.T, p *pool.Pools) {
	t.Helper()
	require.Eventually(t, func() bool {
		stats, err := pooltest.Do(t, p, pool.User, "DEBUG", "HTSTATS", "11").ToString()
		require.NoError(t, err)
		return !strings.Contains(stats, "rehashing") && !strings.Contains(stats, "table size: 32768")
	}, 20*time.Second, 10*time.Millisecond)
}

// After a break, All sends nothing more.
func TestBreakSendsNothingMore(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[Base](t, p)
	var records []hashrepo.Record[Base]
	for i := range 5000 {
		records = append(records, record(fmt.Sprint(i), Base{"o"}))
	}
	require.NoError(t, repo.UpsertMany(ctx, records...))
	before := p.Stats()[pool.User].Commands
	for range repo.All(ctx) {
		break
	}
	require.Less(t, p.Stats()[pool.User].Commands-before, int64(2500))
}

// An id or a tenant that is a glob matches only itself.
func TestGlobsAreEscaped(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, tenant := range []string{"*", "[ab]", `\`, "a?", "a:b%"} {
			repo, err := hashrepo.New[Base](p, pool.User, space(t, tenant))
			require.NoError(t, err)
			other, _ := newRepo[Base](t, p)
			require.NoError(t, repo.Upsert(ctx, "*", Base{}))
			require.NoError(t, other.Upsert(ctx, "u", Base{}))
			n, err := repo.DeleteAll(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 1, n, tenant)
		}
	})
}
