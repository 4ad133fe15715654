package hashrepo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Patron is a record with a unique index, an index, and an index over a list.
type Patron struct {
	Email string   `redis:"email,unique"`
	Age   int      `redis:"age,index"`
	Tags  []string `redis:"tags,index"`
	Note  string   `redis:"note"`
}

var patronKeys = keyspace.MustCompile("{{tenant}}:patron:{id}")

// patrons returns the repository of a new tenant, its space, and what precedes
// the ids in its keys.
func patrons(t testing.TB, p *pool.Pools, opts ...hashrepo.Option) (*hashrepo.HashRepo[Patron], keyspace.Space, string) {
	t.Helper()
	s, err := patronKeys.Bind(pooltest.UniqueTenant())
	require.NoError(t, err)
	r, err := hashrepo.New[Patron](p, pool.User, s, opts...)
	require.NoError(t, err)
	prefix, _ := s.Parts()
	return r, s, prefix
}

// writeForeign writes n records as another program does. Two of three have all
// fields.
func writeForeign(t testing.TB, p *pool.Pools, prefix string, n int) {
	t.Helper()
	c, err := p.Client(pool.User)
	require.NoError(t, err)
	var cmds rueidis.Commands
	for i := range n {
		hset := c.B().Hset().Key(fmt.Sprint(p.Prefix(pool.User), prefix, "f", i)).FieldValue().FieldValue("email", fmt.Sprint("f", i, "@x"))
		if i%3 > 0 {
			hset = hset.FieldValue("age", fmt.Sprint(i)).FieldValue("tags", fmt.Sprintf(`["a","t%d"]`, i%7)).FieldValue("other", "x")
		}
		cmds = append(cmds, hset.Build())
	}
	for _, reply := range c.DoMulti(ctx, cmds...) {
		require.NoError(t, reply.Error())
	}
}

// reindex runs Reindex to its end, without an error.
func reindex[T any](t testing.TB, r *hashrepo.HashRepo[T]) (last hashrepo.Progress) {
	t.Helper()
	for progress, err := range r.Reindex(ctx) {
		require.NoError(t, err)
		last = progress
	}
	return last
}

// isIndexed reports whether the space is marked as complete.
func isIndexed(t testing.TB, p *pool.Pools) bool {
	t.Helper()
	for _, key := range pooltest.Keys(t, p, pool.User) {
		if strings.HasPrefix(key, "%indexed") {
			return true
		}
	}
	return false
}

// Reindex indexes the records of other programs, and finds nothing to do after
// that.
func TestReindexForeignRecords(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, prefix := patrons(t, p)
		require.Equal(t, hashrepo.Progress{}, reindex(t, r), "of an empty space")
		writeForeign(t, p, prefix, 1500)
		require.NoError(t, r.Upsert(ctx, "own", Patron{Email: "own@x", Age: 3}))
		pooltest.Do(t, p, pool.User, "SET", prefix+"text", "x")
		pooltest.Do(t, p, pool.User, "PEXPIRE", prefix+"f1", "5000000")

		require.Equal(t, hashrepo.Progress{Seen: 1501, Indexed: 1500}, reindex(t, r))
		requireIndexes[Patron](t, p, s, codec.Compact)
		ttl, err := r.TTL(ctx, "f1")
		require.NoError(t, err)
		require.Less(t, ttl, 5001*time.Second)
		ttl, err = r.TTL(ctx, "f2")
		require.NoError(t, err)
		require.Equal(t, hashrepo.NoExpiry, ttl, "lifetimes stay as they are")
		require.Equal(t, hashrepo.Progress{Seen: 1501}, reindex(t, r.With(hashrepo.KeepTTL(), hashrepo.IfExists())))

		pooltest.Do(t, p, pool.User, "HSET", prefix+"f7", "age", "70")
		pooltest.Do(t, p, pool.User, "HDEL", prefix+"f8", "tags")
		pooltest.Do(t, p, pool.User, "DEL", prefix+"f10")
		require.Equal(t, hashrepo.Progress{Seen: 1500, Indexed: 2, Removed: 1}, reindex(t, r))
		requireIndexes[Patron](t, p, s, codec.Compact)
	})
}

// Reindex indexes what the Python package wrote.
func TestReindexPythonLayout(t *testing.T) {
	type row struct {
		At     time.Time `redis:"at,index"`
		Active bool      `redis:"active,index"`
		Ratio  float64   `redis:"ratio,index"`
		Name   string    `redis:"name,unique"`
	}
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // the layout has no hash tag
		s, err := keyspace.Python().User.Bind("acme")
		require.NoError(t, err)
		r, err := hashrepo.New[row](p, pool.User, s)
		require.NoError(t, err)
		pooltest.Do(t, p, pool.User, "HSET", "acme:user:a_b", "at", "2025-03-01T10:00:00.5+02:00", "active", "1", "ratio", "1e16", "name", "Ann")
		pooltest.Do(t, p, pool.User, "HSET", "acme:user:2", "at", "2025-03-01T10:00:00", "active", "False", "ratio", "nan", "name", "Bob")
		require.Equal(t, hashrepo.Progress{Seen: 2, Indexed: 2}, reindex(t, r))
		requireIndexes[row](t, p, s, codec.Compact)
		err = r.Upsert(ctx, "3", row{Name: "Ann"})
		require.ErrorIs(t, err, hashrepo.ErrExists)
		require.ErrorContains(t, err, "a_b")
	})
}

// Only a pass to the end marks the space as complete. It may be stopped, and
// begun again, and several passes do no harm to each other.
func TestReindexStopsAndBeginsAgain(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	r, s, prefix := patrons(t, p)
	writeForeign(t, p, prefix, 2500)
	stopped, cancel := context.WithCancel(ctx)
	defer cancel()
	for progress, err := range r.Reindex(stopped) {
		require.NoError(t, err)
		require.Positive(t, progress.Seen)
		break
	}
	require.False(t, isIndexed(t, p))
	var last error
	for _, err := range r.Reindex(stopped) {
		last = err
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled)
	require.False(t, isIndexed(t, p))

	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for _, err := range r.Reindex(ctx) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.True(t, isIndexed(t, p))
	requireIndexes[Patron](t, p, s, codec.Compact)
}

// After Reindex, the list and the indexes are exact, whatever was written
// meanwhile.
func TestReindexWhileWriting(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, prefix := patrons(t, p)
		const records = 1200
		writeForeign(t, p, prefix, records)
		var wg sync.WaitGroup
		var done atomic.Bool
		age := hashrepo.NumberOf(func(g *Patron) *int { return &g.Age })
		tags := hashrepo.ListOf(func(g *Patron) *[]string { return &g.Tags })
		note := hashrepo.FieldOf(func(g *Patron) *string { return &g.Note })
		for w := range 8 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(w)))
				for n := 0; !done.Load(); n++ {
					id := fmt.Sprint("f", random.IntN(records+200))
					var err error
					switch random.IntN(7) {
					case 0:
						err = r.Upsert(ctx, id, Patron{Email: id + "@x", Age: n, Tags: []string{"a", fmt.Sprint("t", n%5)}})
					case 1:
						err = r.Update(ctx, id, age.Add(1))
					case 2:
						err = r.Update(ctx, id, note.Set("n"))
					case 3:
						_, err = r.Delete(ctx, id)
					case 4:
						_, err = r.Mutate(ctx, id, func(g *Patron) error {
							g.Email, g.Tags = id+"@z", nil
							return nil
						})
					case 5:
						err = r.Update(ctx, id, tags.Append("b"))
					case 6:
						err = r.Replace(ctx, id, Patron{Email: id + "@y", Age: -n})
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		progress := reindex(t, r)
		done.Store(true)
		wg.Wait()
		require.Positive(t, progress.Indexed)
		requireIndexes[Patron](t, p, s, codec.Compact)
	})
}

// A field that cannot be decoded is an error that names the record, and the
// pass goes on to its end.
func TestReindexUndecodableField(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, prefix := patrons(t, p)
		writeForeign(t, p, prefix, 5)
		pooltest.Do(t, p, pool.User, "HSET", prefix+"bad", "age", "old", "email", "bad@x")
		var errs []error
		var last hashrepo.Progress
		for progress, err := range r.Reindex(ctx) {
			if last = progress; err != nil {
				errs = append(errs, err)
			}
		}
		require.Len(t, errs, 1)
		var op *hashrepo.OpError
		require.ErrorAs(t, errs[0], &op)
		require.Equal(t, p.Prefix(pool.User)+prefix+"bad", op.Key)
		require.Equal(t, "age", op.Field)
		require.Equal(t, hashrepo.Progress{Seen: 6, Indexed: 6}, last)
		require.True(t, isIndexed(t, p))
		requireIndexes[Patron](t, p, s, codec.Compact)
	})
}

// Two records with one value of a unique field are reported once, with both
// ids. They are in the index until one is changed.
func TestReindexUniqueDuplicates(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, prefix := patrons(t, p)
		for _, id := range []string{"one", "two", "other"} {
			pooltest.Do(t, p, pool.User, "HSET", prefix+id, "email", strings.Replace(id, "two", "one", 1))
		}
		for range 2 {
			var errs []error
			for _, err := range r.Reindex(ctx) {
				if err != nil {
					errs = append(errs, err)
				}
			}
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], hashrepo.ErrExists)
			require.ErrorContains(t, errs[0], `"one"`)
			require.ErrorContains(t, errs[0], `"two"`)
			require.True(t, isIndexed(t, p))
		}
		err := r.Upsert(ctx, "three", Patron{Email: "one"})
		require.ErrorIs(t, err, hashrepo.ErrExists)
		require.NoError(t, r.UpdateField(ctx, "two", "email", "two"))
		reindex(t, r)
		requireIndexes[Patron](t, p, s, codec.Compact)
	})
}

// Reindex restores each key that was deleted by hand, and removes what the
// others say about records that are gone.
func TestReindexHealsDeletedKeys(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r, s, prefix := patrons(t, p)
		write := func() {
			for i := range 12 {
				id := fmt.Sprint(i)
				require.NoError(t, r.Upsert(ctx, id, Patron{Email: id, Age: i, Tags: []string{"a", id}}))
			}
		}
		write()
		keys := pooltest.Keys(t, p, pool.User)
		deleted := 0
		for _, key := range keys {
			if !strings.HasPrefix(key, "%") {
				continue
			}
			write()
			requireIndexes[Patron](t, p, s, codec.Compact, "before")
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key).Error())
			for _, id := range []string{"0", "5", "11"} {
				require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", prefix+id).Error())
			}
			reindex(t, r)
			requireIndexes[Patron](t, p, s, codec.Compact, key)
			deleted++
		}
		require.Equal(t, 7, deleted, keys) // %ids %checks %entries %spaces and three indexes
	})
}

// Reindex moves fields from their old names. The lifetime and the version stay.
func TestReindexMovesOldNames(t *testing.T) {
	type renamed struct {
		Mail    string `redis:"mail,unique,was=email"`
		Title   string `redis:"title,was=name,was=label"`
		Version int64  `redis:"v,version"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, err := patronKeys.Bind(pooltest.UniqueTenant())
		require.NoError(t, err)
		r, err := hashrepo.New[renamed](p, pool.User, s)
		require.NoError(t, err)
		prefix, _ := s.Parts()
		pooltest.Do(t, p, pool.User, "HSET", prefix+"1", "email", "a@x", "name", "Ann", "label", "A", "v", "4")
		pooltest.Do(t, p, pool.User, "PEXPIRE", prefix+"1", "5000000")
		pooltest.Do(t, p, pool.User, "HSET", prefix+"2", "email", "old", "mail", "new", "label", "B")
		require.Equal(t, hashrepo.Progress{Seen: 2, Indexed: 2}, reindex(t, r))
		require.Equal(t, map[string]string{"mail": "a@x", "title": "Ann", "v": "4"}, pooltest.Hash(t, p, pool.User, prefix+"1"))
		require.Equal(t, map[string]string{"mail": "new", "title": "B"}, pooltest.Hash(t, p, pool.User, prefix+"2"))
		ttl, err := r.TTL(ctx, "1")
		require.NoError(t, err)
		require.Less(t, ttl, 5001*time.Second)
		requireIndexes[renamed](t, p, s, codec.Compact)
		require.Equal(t, hashrepo.Progress{Seen: 2}, reindex(t, r))
	})
}

// Until a space was reindexed once, a query walks the database and finds every
// record, and the log says so once. After that, no query sends SCAN.
func TestUnindexedSpaceIsWalked(t *testing.T) {
	var log bytes.Buffer
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r, _, prefix := patrons(t, p)
	writeForeign(t, p, prefix, 30)
	require.NoError(t, r.Upsert(ctx, "own", Patron{Email: "own", Age: 5}))
	age := hashrepo.NumberOf(func(g *Patron) *int { return &g.Age })
	scans := func() int64 { return server.CommandCalls(t, "scan") }
	find := func() (ids []string) {
		for record, err := range r.Find(ctx, age.AtLeast(5)) {
			require.NoError(t, err)
			ids = append(ids, record.ID)
		}
		n, err := r.Count(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 31, n)
		slices.Sort(ids)
		return ids
	}
	walked := find()
	require.Equal(t, walked, find())
	require.Len(t, walked, 18)
	require.Positive(t, scans())
	require.Equal(t, 1, strings.Count(log.String(), "run Reindex once"), log.String())
	reindex(t, r)
	before := scans()
	require.Equal(t, walked, find())
	require.Equal(t, before, scans())
}

// A space without a list has nothing to reindex or to sweep.
func TestMaintenanceUnsupported(t *testing.T) {
	p := pooltest.Embedded(t)
	plain, err := hashrepo.New[Profile](p, pool.User, space(t, "acme"))
	require.NoError(t, err)
	r, _, _ := patrons(t, p)
	for _, view := range []interface {
		Sweep(context.Context) (int64, error)
		DeleteAll(context.Context) (int64, error)
	}{plain, r.With(hashrepo.IfAbsent())} {
		pooltest.RequireNothingSent(t, p, hashrepo.ErrUnsupported, func() error { return errorOf(view.Sweep(ctx)) })
		if view != any(plain) {
			pooltest.RequireNothingSent(t, p, hashrepo.ErrUnsupported, func() error { return errorOf(view.DeleteAll(ctx)) })
		}
	}
	pooltest.RequireNothingSent(t, p, hashrepo.ErrUnsupported, func() (last error) {
		for _, err := range plain.Reindex(ctx) {
			last = errors.Join(last, err)
		}
		return last
	})
}

func errorOf[T any](_ T, err error) error { return err }
