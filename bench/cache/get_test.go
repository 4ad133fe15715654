package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/om"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/ratiotest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Profile is a flat record of twelve fields.
type Profile struct {
	Name    string    `redis:"name"`
	Email   string    `redis:"email"`
	City    string    `redis:"city"`
	Plan    string    `redis:"plan"`
	Score   int64     `redis:"score"`
	Level   int64     `redis:"level"`
	Logins  int64     `redis:"logins"`
	Ratio   float64   `redis:"ratio"`
	Active  bool      `redis:"active"`
	Admin   bool      `redis:"admin"`
	Created time.Time `redis:"created"`
	Updated time.Time `redis:"updated"`
}

// mapped is Profile as package om wants it.
type mapped struct {
	Key     string `redis:",key"`
	Ver     int64  `redis:",ver"`
	Name    string `redis:"name"`
	Email   string `redis:"email"`
	City    string `redis:"city"`
	Plan    string `redis:"plan"`
	Score   int64  `redis:"score"`
	Level   int64  `redis:"level"`
	Logins  int64  `redis:"logins"`
	Active  bool   `redis:"active"`
	Admin   bool   `redis:"admin"`
	Created string `redis:"created"`
	Updated string `redis:"updated"`
	Ratio   string `redis:"ratio"`
}

// records is how many there are.
const records = 1000

var ctx = context.Background()

// bench is the same records by each way of reading them.
type bench struct {
	repo   *hashrepo.HashRepo[Profile]
	client rueidis.Client // with rueidis's own cache
	mapped om.Repository[mapped]
	otter  *otter.Cache[string, *Profile]
	ids    []string
	keys   []string // of the repository
}

func newBench(b *testing.B) *bench {
	b.Helper()
	server := redistest.Server(b)
	pools, err := pool.Open(ctx, pool.Config{URL: server.URL()})
	require.NoError(b, err)
	b.Cleanup(pools.Close)
	space, err := keyspace.MustCompile("{tenant}:user:{id}").Bind("acme")
	require.NoError(b, err)
	repo, err := hashrepo.New[Profile](pools, pool.User, space, hashrepo.Cached(time.Hour))
	require.NoError(b, err)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, SelectDB: 11})
	require.NoError(b, err)
	b.Cleanup(client.Close)
	s := &bench{
		repo: repo, client: client,
		mapped: om.NewHashRepository("om", mapped{}, client),
		otter:  otter.Must(&otter.Options[string, *Profile]{MaximumSize: 2 * records}),
	}
	for i := range records {
		s.add(b, fmt.Sprintf("id%06d", i), i)
	}
	return s
}

func (s *bench) add(b *testing.B, id string, i int) {
	b.Helper()
	now := time.Now().UTC()
	p := Profile{
		Name: "Alice " + id, Email: id + "@example.com", City: "Bogotá", Plan: "premium",
		Score: int64(i), Level: 7, Logins: 12345, Ratio: 0.75, Active: true, Created: now, Updated: now,
	}
	s.ids = append(s.ids, id)
	s.keys = append(s.keys, "acme:user:"+id)
	s.otter.Set(id, &p)
	require.NoError(b, s.repo.Upsert(ctx, id, p))
	require.NoError(b, s.mapped.Save(ctx, &mapped{
		Key: id, Name: p.Name, Email: p.Email, City: p.City, Plan: p.Plan, Score: p.Score, Level: p.Level,
		Logins: p.Logins, Active: true, Created: now.String(), Updated: now.String(), Ratio: "0.75",
	}))
	for _, read := range []func(int) error{s.cached, s.hit, s.fetch, s.held} {
		require.NoError(b, read(i))
	}
}

func (s *bench) cached(i int) error {
	v, err := s.repo.Get(ctx, s.ids[i])
	return check(v.Level, err)
}

func (s *bench) held(i int) error {
	p, ok := s.otter.GetIfPresent(s.ids[i])
	if !ok {
		return errOther
	}
	v := *p
	return check(v.Level, nil)
}

func (s *bench) hit(i int) error {
	return s.client.DoCache(ctx, s.client.B().Hgetall().Key(s.keys[i]).Cache(), time.Hour).Error()
}

func (s *bench) fetch(i int) error {
	_, err := s.mapped.FetchCache(ctx, s.ids[i], time.Hour)
	return err
}

var errOther = errors.New("another record was read")

func check(level int64, err error) error {
	if err == nil && level != 7 {
		return errOther
	}
	return err
}

// walk reads records in a random order, many in a call, so that choosing them
// costs next to nothing.
func walk(n int, read func(i int) error) func() error {
	const each = 64
	order := make([]int, max(n, 1<<14))
	for i := range order {
		order[i] = rand.IntN(n)
	}
	return func() error {
		start := rand.IntN(len(order) - each)
		for _, i := range order[start : start+each] {
			if err := read(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkGet compares a Get that is served from memory with otter's Get of a
// pointer and the copy of the struct, with a hit in rueidis's cache that is not
// decoded, and with om's FetchCache: of one record, and of a thousand, whose
// memory is farther away.
func BenchmarkGet(b *testing.B) {
	s := newBench(b)
	for _, peer := range []struct {
		name string
		read func(int) error
	}{{"otter", s.held}, {"DoCache", s.hit}, {"FetchCache", s.fetch}} {
		for _, n := range []int{1, records} {
			for _, callers := range []int{1, 64} {
				b.Run(fmt.Sprintf("peer=%s/records=%d/callers=%d", peer.name, n, callers), func(b *testing.B) {
					ratiotest.Compare(b, callers, walk(n, s.cached), walk(n, peer.read))
				})
			}
		}
	}
}
