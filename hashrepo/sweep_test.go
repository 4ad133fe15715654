package hashrepo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

var visitorKeys = keyspace.MustCompile("{{tenant}}:visitor:{id}")

// neighbor returns another repository of the tenant of s.
func neighbor(t testing.TB, p *pool.Pools, s keyspace.Space, opts ...hashrepo.Option) (*hashrepo.HashRepo[Patron], keyspace.Space) {
	t.Helper()
	prefix, _ := s.Parts()
	tenant := strings.Trim(strings.TrimSuffix(prefix, ":patron:"), "{}")
	other, err := visitorKeys.Bind(tenant)
	require.NoError(t, err)
	r, err := hashrepo.New[Patron](p, pool.User, other, opts...)
	require.NoError(t, err)
	return r, other
}

// Sweep removes what other programs made stale, and what expired in the other
// spaces of the tenant.
func TestSweep(t *testing.T) {
	pooltest.Each(t, testSweep)
}

func testSweep(t *testing.T, p *pool.Pools) {
	r, s, prefix := patrons(t, p)
	for i := range 1200 {
		id := fmt.Sprint(i)
		require.NoError(t, r.Upsert(ctx, id, Patron{Email: id, Age: i}))
	}
	removed, err := r.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, removed)

	pooltest.Do(t, p, pool.User, "DEL", prefix+"7")
	pooltest.Do(t, p, pool.User, "DEL", prefix+"1199")
	pooltest.Do(t, p, pool.User, "HSET", prefix+"8", "age", "80", "email", "e")
	pooltest.Do(t, p, pool.User, "SET", prefix+"9", "text")
	removed, err = r.Sweep(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 5, removed, "three ids, and two entries of 8")
	reindex(t, r)
	requireIndexes[Patron](t, p, s, codec.Compact)
}

// Sweep removes what expired in other spaces of the tenant, until no key is
// left.
func TestSweepOtherSpaces(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, _ := patrons(t, p)
		short, _ := neighbor(t, p, s, hashrepo.TTL(time.Millisecond))
		long, other := neighbor(t, p, s)
		require.NoError(t, long.Upsert(ctx, "stays", Patron{Email: "stays", Age: 1}))
		for i := range 5 {
			require.NoError(t, short.Upsert(ctx, fmt.Sprint(i), Patron{Email: fmt.Sprint(i)}))
		}
		prefix, _ := other.Parts()
		list := keyspace.Beside("ids", p.Prefix(pool.User)+prefix)
		waitUntilSwept(t, r, func() bool {
			ids, err := pooltest.Do(t, p, pool.User, "ZCARD", list).AsInt64()
			require.NoError(t, err)
			return ids == 1 // only the record that stays
		})
		_, err := long.Delete(ctx, "stays")
		require.NoError(t, err)
		require.Empty(t, pooltest.Keys(t, p, pool.User))
	})
}

// waitUntilSwept sweeps until the condition holds.
func waitUntilSwept(t testing.TB, r *hashrepo.HashRepo[Patron], done func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := r.Sweep(ctx)
		require.NoError(t, err)
		return done()
	}, time.Minute, 10*time.Millisecond)
}

// countKeys returns the number of keys that contain a text.
func countKeys(t testing.TB, p *pool.Pools, text string) (n int) {
	t.Helper()
	for _, key := range pooltest.Keys(t, p, pool.User) {
		if strings.Contains(key, text) {
			n++
		}
	}
	return n
}

// Nothing is left of many records that expired, whose values nobody asked for:
// neither if writes go to another space of the tenant, nor after Sweep.
func TestExpiredRecordsLeaveNothing(t *testing.T) {
	for way, records := range map[string]int{"writes": 100_000, "Sweep": 20_000} {
		t.Run(way, func(t *testing.T) {
			p := pooltest.Redis(t, pool.Config{})
			r, s, prefix := patrons(t, p)
			writeMany(t, r.With(hashrepo.TTL(time.Second)), records)
			other, _ := neighbor(t, p, s)
			client, err := p.Client(pool.User)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				size, err := client.Do(ctx, client.B().Dbsize().Build()).ToInt64()
				return err == nil && size < 100 // the server removes expired keys by itself
			}, time.Minute, 10*time.Millisecond)
			require.Positive(t, countKeys(t, p, prefix))
			switch way {
			case "writes":
				for round := 0; countKeys(t, p, prefix) > 0; round++ {
					require.Less(t, round, 100, "100,000 writes have not removed what is left of %d records", records)
					writeMany(t, other, 1000)
				}
			case "Sweep":
				_, err := r.Sweep(ctx)
				require.NoError(t, err)
				require.Zero(t, countKeys(t, p, prefix))
			}
		})
	}
}

// writeMany writes n records with different values.
func writeMany(t testing.TB, r *hashrepo.HashRepo[Patron], n int) {
	t.Helper()
	all := make([]hashrepo.Record[Patron], 1000)
	for from := 0; from < n; from += len(all) {
		for i := range all {
			id := fmt.Sprint(from + i)
			all[i] = hashrepo.Record[Patron]{ID: id, Value: Patron{Email: id, Age: from + i}}
		}
		require.NoError(t, r.UpsertMany(ctx, all...))
	}
}

// The writes of one space remove what expired in many others that have one
// record each, faster than such spaces are made.
func TestWritesClearManySpaces(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	tenant := pooltest.UniqueTenant()
	keys := keyspace.MustCompile("{{tenant}}:state:{user}:{name}")
	const spaces = 800
	for i := range spaces {
		s, err := keys.Bind(tenant, fmt.Sprint("u", i))
		require.NoError(t, err)
		r, err := hashrepo.New[Patron](p, pool.User, s, hashrepo.TTL(time.Millisecond))
		require.NoError(t, err)
		require.NoError(t, r.Upsert(ctx, "1", Patron{Email: "e"}))
	}
	s, err := keys.Bind(tenant, "other")
	require.NoError(t, err)
	r, err := hashrepo.New[Patron](p, pool.User, s)
	require.NoError(t, err)
	writeMany(t, r, 1000)
	left := countKeys(t, p, "{"+tenant+"}:state:u")
	require.Zero(t, left, "1,000 writes of another space have not cleared %d spaces", spaces)
}
