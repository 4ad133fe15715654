package hashrepo_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/ratiotest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// TwelveFields is the record type of the benchmarks. A record has about 400
// bytes.
type TwelveFields struct {
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

var twelveFields = TwelveFields{
	Name: "Alice Liddell", Email: "alice@example.com", City: "Bogotá", Plan: "premium",
	Bio: "Curiouser and curiouser: a text of some length, as profiles have them, that is stored as it is, in UTF-8, " +
		"without quotes around it or anything escaped in it, of two hundred bytes or so, to be fair to every side.",
	Score: 123456, Level: 7, Ratio: 0.75, Active: true,
	Created: time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC),
	Updated: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
}

const callers = 64

// BenchmarkGet compares Get with a hand-written HMGET, on the client of the
// same pools and on a separate client without deadlines.
func BenchmarkGet(b *testing.B) {
	repo, pooled, own := newBenchmarkRepo(b)
	require.NoError(b, repo.Upsert(ctx, "u", twelveFields))
	byRepo := func() error { _, err := repo.Get(ctx, "u"); return err }
	for _, hand := range []handWritten{pooled, own} {
		got, err := hand.get(ctx, "u")
		require.NoError(b, err)
		require.Equal(b, twelveFields, got)
		b.Run(hand.name, func(b *testing.B) {
			ratiotest.Compare(b, callers, byRepo, func() error { _, err := hand.get(ctx, "u"); return err })
		})
	}
}

// BenchmarkUpsert compares Upsert with HSET alone, which sets no lifetime, and
// with a hand-written transaction of HSET and PEXPIRE.
func BenchmarkUpsert(b *testing.B) {
	repo, pooled, own := newBenchmarkRepo(b)
	byRepo := func() error { return repo.Upsert(ctx, "u", twelveFields) }
	for _, hand := range []handWritten{pooled, own} {
		b.Run(hand.name+"/hset", func(b *testing.B) {
			ratiotest.Compare(b, callers, byRepo, func() error { return hand.hset(ctx, "h", &twelveFields) })
		})
		b.Run(hand.name+"/transaction", func(b *testing.B) {
			ratiotest.Compare(b, callers, byRepo, func() error { return hand.upsert(ctx, "h", &twelveFields) })
		})
	}
}

// BenchmarkGetMany compares one call for 100 records with 100 calls of Get.
func BenchmarkGetMany(b *testing.B) {
	repo, _, _ := newBenchmarkRepo(b)
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
		require.NoError(b, repo.Upsert(ctx, ids[i], twelveFields))
	}
	many := func() error {
		_, err := repo.GetMany(ctx, ids...)
		return err
	}
	each := func() error {
		for _, id := range ids {
			if _, err := repo.Get(ctx, id); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range []int{1, callers} {
		b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) { ratiotest.Compare(b, n, each, many) })
	}
}

// BenchmarkFind compares Find for one of 100,000 records with a loop of SCAN
// and one HGET for each key.
func BenchmarkFind(b *testing.B) {
	repo, _, own := newBenchmarkRepo(b)
	const n = 100_000
	records := make([]hashrepo.Record[TwelveFields], 0, 1000)
	for i := range n {
		record := hashrepo.Record[TwelveFields]{ID: strconv.Itoa(i), Value: twelveFields}
		record.Value.Score = int64(i)
		if records = append(records, record); len(records) == cap(records) {
			require.NoError(b, repo.UpsertMany(ctx, records...))
			records = records[:0]
		}
	}
	score := hashrepo.At[TwelveFields]("score")
	ratiotest.Compare(b, 1, func() error { return own.find(ctx, "77777") },
		func() error {
			found := 0
			for _, err := range repo.Find(ctx, score.Eq(int64(77777))) {
				if err != nil {
					return err
				}
				found++
			}
			if found != 1 {
				return fmt.Errorf("found %d records", found)
			}
			return nil
		})
}

func newBenchmarkRepo(b *testing.B) (repo *hashrepo.HashRepo[TwelveFields], pooled, own handWritten) {
	server := redistest.Server(b)
	p := pooltest.Redis(b, pool.Config{URL: server.URL()})
	repo, prefix := newRepo[TwelveFields](b, p)
	c, err := p.Client(pool.User)
	require.NoError(b, err)
	return repo, handWritten{"pooled", c, prefix}, handWritten{"own", server.Client(b, 11), prefix}
}

// handWritten is code for TwelveFields as a careful programmer writes it with
// rueidis alone.
type handWritten struct {
	name   string
	c      rueidis.Client
	prefix string
}

func (h handWritten) get(ctx context.Context, id string) (t TwelveFields, err error) {
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

func (h handWritten) upsert(ctx context.Context, id string, t *TwelveFields) error {
	key := h.prefix + id
	results := h.c.DoMulti(ctx,
		h.c.B().Multi().Build(),
		h.write(key, t),
		h.c.B().Pexpire().Key(key).Milliseconds(hashrepo.DefaultLifetime.Milliseconds()).Build(),
		h.c.B().Exec().Build())
	replies, err := results[3].ToArray()
	if err != nil {
		return err
	}
	return replies[0].Error()
}

func (h handWritten) hset(ctx context.Context, id string, t *TwelveFields) error {
	return h.c.Do(ctx, h.write(h.prefix+id, t)).Error()
}

func (h handWritten) write(key string, t *TwelveFields) rueidis.Completed {
	flag := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	return h.c.B().Hset().Key(key).FieldValue().
		FieldValue("name", t.Name).FieldValue("email", t.Email).FieldValue("city", t.City).
		FieldValue("bio", t.Bio).FieldValue("plan", t.Plan).
		FieldValue("score", strconv.FormatInt(t.Score, 10)).FieldValue("level", strconv.FormatInt(t.Level, 10)).
		FieldValue("ratio", strconv.FormatFloat(t.Ratio, 'g', -1, 64)).
		FieldValue("active", flag(t.Active)).FieldValue("admin", flag(t.Admin)).
		FieldValue("created", t.Created.Format(time.RFC3339Nano)).FieldValue("updated", t.Updated.Format(time.RFC3339Nano)).
		Build()
}

// find searches in the simplest way.
func (h handWritten) find(ctx context.Context, score string) error {
	found := 0
	for cursor := uint64(0); ; {
		page, err := h.c.Do(ctx, h.c.B().Scan().Cursor(cursor).Match(h.prefix+"*").Build()).AsScanEntry()
		if err != nil {
			return err
		}
		for _, key := range page.Elements {
			got, err := h.c.Do(ctx, h.c.B().Hget().Key(key).Field("score").Build()).ToString()
			if err != nil {
				return err
			}
			if got == score {
				found++
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	if found != 1 {
		return fmt.Errorf("found %d records", found)
	}
	return nil
}
