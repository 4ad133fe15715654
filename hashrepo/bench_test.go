package hashrepo_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Twelve is the record of the benchmarks: 12 fields, about 400 bytes.
type Twelve struct {
	Name    string    `redis:"name"`
	Email   string    `redis:"email"`
	City    string    `redis:"city"`
	Bio     string    `redis:"bio"`
	Plan    string    `redis:"plan"`
	Score   int64     `redis:"score"`
	Level   int64     `redis:"level"`
	Ratio   float64   `redis:"ratio"`
	Active  bool      `redis:"active"`
	Admin   bool      `redis:"admin"`
	Created time.Time `redis:"created"`
	Updated time.Time `redis:"updated"`
}

var twelve = Twelve{
	Name: "Alice Liddell", Email: "alice@example.com", City: "Bogotá", Plan: "premium",
	Bio: "Curiouser and curiouser: a text of some length, as profiles have them, that is stored as it is, in UTF-8, " +
		"without quotes around it or anything escaped in it, of two hundred bytes or so, to be fair to every side.",
	Score: 123456, Level: 7, Ratio: 0.75, Active: true,
	Created: time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC),
	Updated: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
}

// BenchmarkGet compares Get with an HMGET written by hand on the same server.
func BenchmarkGet(b *testing.B) {
	repo, hand := bench(b)
	require.NoError(b, repo.Upsert(ctx, "u", twelve))
	want, err := repo.Get(ctx, "u")
	require.NoError(b, err)
	got, err := hand.get(ctx, "u")
	require.NoError(b, err)
	require.Equal(b, want, got)

	byRepo := func() error { _, err := repo.Get(ctx, "u"); return err }
	byHand := func() error { _, err := hand.get(ctx, "u"); return err }
	b.Run("callers=64/repo", func(b *testing.B) { parallel(b, byRepo) })
	b.Run("callers=64/hand", func(b *testing.B) { parallel(b, byHand) })
	b.Run("callers=64/ratio", func(b *testing.B) { ratio(b, byRepo, byHand) })
}

// BenchmarkUpsert compares Upsert with HSET and PEXPIRE in a transaction
// written by hand on the same server.
func BenchmarkUpsert(b *testing.B) {
	repo, hand := bench(b)
	byRepo := func() error { return repo.Upsert(ctx, "u", twelve) }
	byHand := func() error { return hand.upsert(ctx, "u", &twelve) }
	b.Run("callers=64/repo", func(b *testing.B) { parallel(b, byRepo) })
	b.Run("callers=64/hand", func(b *testing.B) { parallel(b, byHand) })
	b.Run("callers=64/ratio", func(b *testing.B) { ratio(b, byRepo, byHand) })
}

// BenchmarkGetMany reads 100 records at once.
func BenchmarkGetMany(b *testing.B) {
	repo, _ := bench(b)
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
		require.NoError(b, repo.Upsert(ctx, ids[i], twelve))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := repo.GetMany(ctx, ids...); err != nil {
			b.Fatal(err)
		}
	}
}

// ratio runs two calls from 64 goroutines in turns, a few thousand calls each,
// and reports the median of their times' ratios: what else the machine does
// meets both alike.
func ratio(b *testing.B, ours, theirs func() error) {
	const turn = 4096
	var ratios []float64
	for done := 0; done < b.N; done += 2 * turn {
		mine := spread(b, turn, ours)
		ratios = append(ratios, float64(mine)/float64(spread(b, turn, theirs)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-by-hand")
	b.ReportMetric(0, "ns/op")
}

// spread is the time that n calls take from 64 goroutines.
func spread(b *testing.B, n int, call func() error) time.Duration {
	const callers = 64
	start := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range n / callers {
				if err := call(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// parallel runs call from 64 goroutines on two CPUs.
func parallel(b *testing.B, call func() error) {
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(); err != nil {
				b.Error(err)
			}
		}
	})
}

func bench(b *testing.B) (*hashrepo.HashRepo[Twelve], byHand) {
	server := redistest.Server(b)
	p := pooltest.Redis(b, pool.Config{URL: server.URL()})
	repo, prefix := newRepo[Twelve](b, p)
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server.Addr()}, SelectDB: 11, DisableCache: true, ForceSingleClient: true,
	})
	require.NoError(b, err)
	b.Cleanup(c.Close)
	return repo, byHand{c, prefix}
}

// byHand is what a careful programmer writes for Twelve with rueidis alone.
type byHand struct {
	c      rueidis.Client
	prefix string
}

func (h byHand) get(ctx context.Context, id string) (t Twelve, err error) {
	values, err := h.c.Do(ctx, h.c.B().Hmget().Key(h.prefix+id).Field("name", "email", "city", "bio", "plan", "score",
		"level", "ratio", "active", "admin", "created", "updated").Build()).AsStrSlice()
	if err != nil {
		return t, err
	}
	t.Name, t.Email, t.City, t.Bio, t.Plan = values[0], values[1], values[2], values[3], values[4]
	if t.Score, err = strconv.ParseInt(values[5], 10, 64); err != nil {
		return t, err
	}
	if t.Level, err = strconv.ParseInt(values[6], 10, 64); err != nil {
		return t, err
	}
	if t.Ratio, err = strconv.ParseFloat(values[7], 64); err != nil {
		return t, err
	}
	t.Active, t.Admin = values[8] == "1", values[9] == "1"
	if t.Created, err = time.Parse(time.RFC3339Nano, values[10]); err != nil {
		return t, err
	}
	t.Updated, err = time.Parse(time.RFC3339Nano, values[11])
	return t, err
}

func (h byHand) upsert(ctx context.Context, id string, t *Twelve) error {
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	key := h.prefix + id
	results := h.c.DoMulti(ctx,
		h.c.B().Multi().Build(),
		h.c.B().Hset().Key(key).FieldValue().
			FieldValue("name", t.Name).FieldValue("email", t.Email).FieldValue("city", t.City).
			FieldValue("bio", t.Bio).FieldValue("plan", t.Plan).
			FieldValue("score", strconv.FormatInt(t.Score, 10)).FieldValue("level", strconv.FormatInt(t.Level, 10)).
			FieldValue("ratio", strconv.FormatFloat(t.Ratio, 'g', -1, 64)).
			FieldValue("active", flag(t.Active)).FieldValue("admin", flag(t.Admin)).
			FieldValue("created", t.Created.Format(time.RFC3339Nano)).FieldValue("updated", t.Updated.Format(time.RFC3339Nano)).
			Build(),
		h.c.B().Pexpire().Key(key).Milliseconds(hashrepo.DefaultLifetime.Milliseconds()).Build(),
		h.c.B().Exec().Build())
	replies, err := results[3].ToArray()
	if err != nil {
		return err
	}
	return replies[0].Error()
}
