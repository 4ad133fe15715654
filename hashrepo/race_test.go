package hashrepo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

// Concurrent adds, appends and mutations of the same records lose nothing, with
// every codec.
func TestManyWritersLoseNothing(t *testing.T) {
	const writers, rounds, records = 64, 6, 3
	server := redistest.Server(t)
	var repos []*pool.Pools
	for range 4 {
		repos = append(repos, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	}
	for _, c := range codecs {
		t.Run(c.Name(), func(t *testing.T) {
			tenant := pooltest.UniqueTenant()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					repo, err := hashrepo.New[Profile](repos[w%4], pool.User, space(t, tenant), hashrepo.Codec(c))
					if err != nil {
						t.Error(err)
						return
					}
					for round := range rounds {
						id := fmt.Sprint("r", round%records)
						if err := writeOnce(repo, id, w, round); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			repo, err := hashrepo.New[Profile](repos[0], pool.User, space(t, tenant), hashrepo.Codec(c))
			require.NoError(t, err)
			for i := range records {
				got, err := repo.Get(ctx, fmt.Sprint("r", i))
				require.NoError(t, err)
				const each = writers * rounds / records
				require.EqualValues(t, each, got.Score)
				require.EqualValues(t, each/2, got.Ratio)
				require.EqualValues(t, each, got.Quiet)
				require.Len(t, got.Tags, each)
				require.Len(t, got.Labels, each)
				once := map[string]bool{}
				for _, tag := range got.Tags {
					once[tag] = true
				}
				require.Len(t, once, each)
			}
		})
	}
}

// writeOnce adds, appends, increments, and mutates one entry of a map.
func writeOnce(repo *hashrepo.HashRepo[Profile], id string, writer, round int) error {
	mark := fmt.Sprint(writer, ".", round)
	_, err := repo.Merge(ctx, id, ratioOf.Add(0.5), tagsOf.Append(mark))
	_, err2 := scoreOf.Increment(ctx, repo, id, 1)
	_, err3 := repo.Mutate(ctx, id, func(p *Profile) error {
		if p.Labels == nil {
			p.Labels = map[string]int{}
		}
		p.Labels[mark] = 1
		p.Quiet++
		return nil
	})
	return errors.Join(err, err2, err3)
}

// A write at the moment when the record expires leaves no key without a
// lifetime and restores no old value.
func TestWritesOfExpiringRecords(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	writes := map[string]func(r *hashrepo.HashRepo[Document], d Document) error{
		"Upsert":     func(r *hashrepo.HashRepo[Document], d Document) error { return r.Upsert(ctx, "u", d) },
		"Replace":    func(r *hashrepo.HashRepo[Document], d Document) error { return r.Replace(ctx, "u", d) },
		"UpsertMany": func(r *hashrepo.HashRepo[Document], d Document) error { return r.UpsertMany(ctx, record("u", d)) },
		"Update":     func(r *hashrepo.HashRepo[Document], _ Document) error { return r.Update(ctx, "u", words.Add(1)) },
		"Merge": func(r *hashrepo.HashRepo[Document], _ Document) error {
			_, err := r.Merge(ctx, "u", docTags.Append("a"))
			return err
		},
		"Clear":       func(r *hashrepo.HashRepo[Document], _ Document) error { return r.Update(ctx, "u", title.Clear()) },
		"UpdateField": func(r *hashrepo.HashRepo[Document], _ Document) error { return r.UpdateField(ctx, "u", "title", "n") },
		"IncrementField": func(r *hashrepo.HashRepo[Document], _ Document) error {
			_, err := r.IncrementField(ctx, "u", "words", 1)
			return err
		},
		"AppendToList": func(r *hashrepo.HashRepo[Document], _ Document) error { return r.AppendToList(ctx, "u", "tags", "a") },
		"DeleteField": func(r *hashrepo.HashRepo[Document], _ Document) error {
			_, err := r.DeleteField(ctx, "u", "title")
			return err
		},
		"Touch": func(r *hashrepo.HashRepo[Document], _ Document) error { _, err := r.Touch(ctx, "u"); return err },
		"Mutate": func(r *hashrepo.HashRepo[Document], _ Document) error {
			_, err := r.Mutate(ctx, "u", func(d *Document) error { d.Words++; return nil })
			return err
		},
	}
	for name, write := range writes {
		for _, opts := range [][]hashrepo.Option{nil, {hashrepo.KeepTTL()}} {
			t.Run(fmt.Sprint(name, len(opts)), func(t *testing.T) {
				t.Parallel()
				repo, key := newRepo[Document](t, p)
				short, view := repo.With(hashrepo.TTL(2*time.Millisecond)), repo.With(opts...)
				for range 60 {
					_, err := repo.Delete(ctx, "u")
					require.NoError(t, err)
					require.NoError(t, short.Upsert(ctx, "u", Document{Title: "old"}))
					for range rand.N(8) {
						require.NoError(t, pooltest.Do(t, p, pool.User, "PING").Error())
					}
					if err := write(view, Document{Title: "new", Version: 1}); err != nil {
						require.ErrorIs(t, err, symphony.ErrConflict)
						require.Empty(t, pooltest.Hash(t, p, pool.User, key+"u"))
					}
					ms, err := pooltest.Do(t, p, pool.User, "PTTL", key+"u").ToInt64()
					require.NoError(t, err)
					require.NotEqualValues(t, -1, ms, "the key has no lifetime")
				}
			})
		}
	}
}

// Two versions of a program, which declare different fields, write in turns.
// Neither loses the fields of the other.
func TestTwoBuildsShareRecords(t *testing.T) {
	type OldPlace struct{ City string }
	type NewPlace struct{ City, Zip string }
	type Old struct {
		Name  string     `redis:"name"`
		Phone string     `redis:"phone"`
		Hits  int64      `redis:"hits"`
		Home  OldPlace   `redis:"home"`
		Past  []OldPlace `redis:"past"`
	}
	type New struct {
		Name   string     `redis:"name"`
		Emails []string   `redis:"emails"`
		Hits   int64      `redis:"hits"`
		Home   NewPlace   `redis:"home"`
		Past   []NewPlace `redis:"past"`
	}
	oldHits := hashrepo.NumberOf(func(o *Old) *int64 { return &o.Hits })
	oldPast := hashrepo.ListOf(func(o *Old) *[]OldPlace { return &o.Past })
	newEmails := hashrepo.ListOf(func(n *New) *[]string { return &n.Emails })
	newHome := hashrepo.FieldOf(func(n *New) *NewPlace { return &n.Home })
	newPast := hashrepo.ListOf(func(n *New) *[]NewPlace { return &n.Past })
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			tenant := pooltest.UniqueTenant()
			before, err := hashrepo.New[Old](p, pool.User, space(t, tenant), hashrepo.Codec(c))
			require.NoError(t, err)
			after, err := hashrepo.New[New](p, pool.User, space(t, tenant), hashrepo.Codec(c))
			require.NoError(t, err)
			const rounds = 20
			home := NewPlace{"Bogotá", "110111"}
			require.NoError(t, before.Upsert(ctx, "u", Old{Name: "a", Phone: "1"}))
			for i := range rounds {
				o, err := before.Get(ctx, "u")
				require.NoError(t, err)
				require.NoError(t, before.Upsert(ctx, "u", o)) // a nested value is one field, and Upsert writes it
				require.NoError(t, after.Update(ctx, "u", newEmails.Append(fmt.Sprint(i)), newHome.Set(home), newPast.Clear(), newPast.Append(home)))
				require.NoError(t, before.Update(ctx, "u", oldHits.Add(1), oldPast.Append(OldPlace{"Cali"})))
				n, err := after.Mutate(ctx, "u", func(n *New) error { n.Hits++; return nil })
				require.NoError(t, err)
				require.NoError(t, after.UpsertMany(ctx, record("u", n)))
				_, err = before.Mutate(ctx, "u", func(o *Old) error { o.Phone += "."; return nil })
				require.NoError(t, err)
				n, err = after.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, home, n.Home)
				require.Equal(t, []NewPlace{home, {City: "Cali"}}, n.Past)
			}
			o, err := before.Get(ctx, "u")
			require.NoError(t, err)
			n, err := after.Get(ctx, "u")
			require.NoError(t, err)
			require.Len(t, n.Emails, rounds)
			require.EqualValues(t, 2*rounds, n.Hits)
			require.Len(t, o.Phone, 1+rounds)
		}
	})
}
