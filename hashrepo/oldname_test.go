package hashrepo_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Renamed is Unrenamed after its fields were renamed.
type Renamed struct {
	Name  string   `redis:"title,was=name,was=nom"`
	Score int64    `redis:"score,was=points"`
	Ratio float32  `redis:"ratio,was=share"` // no script can add to it
	Tags  []string `redis:"tags,was=labels"`
	Nick  *string  `redis:"nick,was=alias"`
	Note  string   `redis:"note,omitzero,was=memo"`
	City  string   `redis:"city"`
}

type Unrenamed struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"points"`
	Ratio float32  `redis:"share"`
	Tags  []string `redis:"labels"`
	Nick  *string  `redis:"alias"`
	Note  string   `redis:"memo,omitzero"`
	City  string   `redis:"city"`
}

// IndexedRenamed is a Renamed with an index over every field with old names.
type IndexedRenamed struct {
	Name  string   `redis:"title,unique,was=name,was=nom"`
	Score int64    `redis:"score,index,was=points"`
	Ratio float32  `redis:"ratio,index,was=share"`
	Tags  []string `redis:"tags,index,was=labels"`
	Nick  *string  `redis:"nick,index,was=alias"`
	Note  string   `redis:"note,omitzero,index,was=memo"`
	City  string   `redis:"city"`
}

// FullRenamed is a Renamed with every kind of field that has an option of its
// own.
type FullRenamed struct {
	Renamed
	Version int64             `redis:"v,version"`
	More    map[string]string `redis:",extra"`
}

// oldNames are the old names of the fields of Renamed.
var oldNames = map[string][]string{
	"title": {"name", "nom"}, "score": {"points"}, "ratio": {"share"}, "tags": {"labels"}, "nick": {"alias"}, "note": {"memo"},
}

// oldNameCall is a call of a method on a record that has old names.
type oldNameCall[T any] struct {
	name   string
	call   func(t *testing.T, repo *hashrepo.HashRepo[T])
	writes []string // the fields that the call moves to their new names
	change func(*Renamed)
}

// renamedFields are the fields of Renamed with old names.
var renamedFields = slices.Sorted(maps.Keys(oldNames))

// oldNameCalls returns calls of every method. member returns the Renamed in a
// T.
func oldNameCalls[T any](member func(*T) *Renamed) []oldNameCall[T] {
	type repository = *hashrepo.HashRepo[T]
	at := hashrepo.At[T]
	title := hashrepo.FieldOf(func(v *T) *string { return &member(v).Name })
	score := hashrepo.NumberOf(func(v *T) *int64 { return &member(v).Score })
	ratio := hashrepo.NumberOf(func(v *T) *float32 { return &member(v).Ratio })
	tags := hashrepo.ListOf(func(v *T) *[]string { return &member(v).Tags })
	city := hashrepo.FieldOf(func(v *T) *string { return &member(v).City })
	stored := func(t *testing.T, repo repository) T {
		v, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		return v
	}
	same := func(*Renamed) {}
	changed := func(m *Renamed) { m.Name, m.Score, m.Tags = "b", 5, nil }
	write := func(write func(repository) func(context.Context, string, T) error) func(*testing.T, repository) {
		return func(t *testing.T, repo repository) {
			v := stored(t, repo)
			changed(member(&v))
			require.NoError(t, write(repo)(ctx, "u", v))
		}
	}
	update := func(patches ...hashrepo.Patch[T]) func(*testing.T, repository) {
		return func(t *testing.T, repo repository) { require.NoError(t, repo.Update(ctx, "u", patches...)) }
	}
	merge := func(patches ...hashrepo.Patch[T]) func(*testing.T, repository) {
		return func(t *testing.T, repo repository) {
			got, err := repo.Merge(ctx, "u", patches...)
			require.NoError(t, err)
			require.Equal(t, stored(t, repo), got)
		}
	}
	return []oldNameCall[T]{
		{"Get", func(t *testing.T, repo repository) { stored(t, repo) }, nil, same},
		{"GetMany", func(t *testing.T, repo repository) {
			got, err := repo.GetMany(ctx, "gone", "u")
			require.NoError(t, err)
			require.Equal(t, []hashrepo.Record[T]{record("u", stored(t, repo))}, got)
		}, nil, same},
		{"All", func(t *testing.T, repo repository) {
			for got, err := range repo.All(ctx) {
				require.NoError(t, err)
				require.Equal(t, record("u", stored(t, repo)), got)
			}
		}, nil, same},
		{"PeekShared", func(t *testing.T, repo repository) {
			cached := repo.With(hashrepo.Cached(time.Minute))
			for range 2 {
				got, err := cached.PeekShared(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, stored(t, repo), *got)
				copied, err := cached.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, *got, copied)
			}
		}, nil, same},
		{"GetField", func(t *testing.T, repo repository) {
			for _, field := range append(slices.Clone(renamedFields), "city") {
				var got any
				require.NoError(t, repo.GetField(ctx, "u", field, &got))
				require.Equal(t, map[string]any{
					"title": "a", "score": int64(1), "ratio": float32(0.5), "tags": []string{"x"}, "nick": nil, "note": "n", "city": "c",
				}[field], got, field)
			}
			require.ErrorIs(t, repo.GetField(ctx, "gone", "title", new(string)), symphony.ErrNotFound)
		}, nil, same},
		{"Field.Get", func(t *testing.T, repo repository) {
			got, err := tags.Get(ctx, repo, "u")
			require.NoError(t, err)
			require.Equal(t, []string{"x"}, got)
		}, nil, same},
		{"Find", func(t *testing.T, repo repository) {
			for _, conds := range [][]hashrepo.Cond[T]{
				{title.Eq("a")}, {city.Eq("c"), at("nick").Eq(nil), title.Eq("a"), score.Eq(1)}, {tags.Eq([]string{"x"}), at("note").Eq("n")},
			} {
				got, err := repo.FindOne(ctx, conds...)
				require.NoError(t, err)
				require.Equal(t, record("u", stored(t, repo)), got)
			}
			for _, conds := range [][]hashrepo.Cond[T]{{title.Eq("z")}, {at("tags").Eq(nil)}, {at("note").Eq("")}, {title.Eq("a"), score.Eq(2)}} {
				_, err := repo.FindOne(ctx, conds...)
				require.ErrorIs(t, err, symphony.ErrNotFound)
			}
			got, err := repo.FindByField(ctx, "score", 1)
			require.NoError(t, err)
			require.Equal(t, "u", got.ID)
		}, nil, same},

		{"Upsert", write(func(r repository) func(context.Context, string, T) error { return r.Upsert }), renamedFields, changed},
		{"Upsert with KeepTTL", write(func(r repository) func(context.Context, string, T) error { return r.With(hashrepo.KeepTTL()).Upsert }), renamedFields, changed},
		{"Replace", write(func(r repository) func(context.Context, string, T) error { return r.Replace }), renamedFields, changed},
		{"UpsertMany", write(func(r repository) func(context.Context, string, T) error {
			return func(ctx context.Context, id string, v T) error { return r.UpsertMany(ctx, record(id, v)) }
		}), renamedFields, changed},

		{"Set", update(title.Set("b"), city.Set("d")), []string{"title"}, func(m *Renamed) { m.Name, m.City = "b", "d" }},
		{"Set twice", update(title.Set("b"), title.Set("e")), []string{"title"}, func(m *Renamed) { m.Name = "e" }},
		{"Set after Clear", update(title.Clear(), title.Set("b")), []string{"title"}, func(m *Renamed) { m.Name = "b" }},
		{"Set to a value that is absent", update(at("note").Set(""), title.Set("b")), []string{"note", "title"}, func(m *Renamed) { m.Note, m.Name = "", "b" }},
		{"Clear", update(tags.Clear(), score.Clear()), []string{"score", "tags"}, func(m *Renamed) { m.Tags, m.Score = nil, 0 }},
		{"Add", update(score.Add(2)), []string{"score"}, func(m *Renamed) { m.Score = 3 }},
		{"Add twice", update(score.Add(2), score.Add(2)), []string{"score"}, func(m *Renamed) { m.Score = 5 }},
		{"Add after Set", update(score.Set(7), score.Add(2)), []string{"score"}, func(m *Renamed) { m.Score = 9 }},
		{"Set after Add", update(score.Add(2), score.Set(7)), []string{"score"}, func(m *Renamed) { m.Score = 7 }},
		{"Add to a float32", update(ratio.Add(1.25)), []string{"ratio"}, func(m *Renamed) { m.Ratio = 1.75 }},
		{"Append", update(tags.Append("y"), tags.Append("z")), []string{"tags"}, func(m *Renamed) { m.Tags = []string{"x", "y", "z"} }},
		{"Append after Clear", update(tags.Clear(), tags.Append("z")), []string{"tags"}, func(m *Renamed) { m.Tags = []string{"z"} }},
		{"Clear after Append", update(tags.Append("z"), tags.Clear()), []string{"tags"}, func(m *Renamed) { m.Tags = nil }},
		{"Append nothing", update(tags.Append()), nil, same},
		{"Merge", merge(title.Set("b"), score.Add(1), tags.Append("y"), ratio.Add(1)), []string{"ratio", "score", "tags", "title"}, func(m *Renamed) {
			m.Name, m.Score, m.Tags, m.Ratio = "b", 2, []string{"x", "y"}, 1.5
		}},
		{"Merge of another field", merge(city.Set("d")), nil, func(m *Renamed) { m.City = "d" }},
		{"Stamp", update(hashrepo.Stamp[T]("name", "b"), hashrepo.Stamp[T]("score", 3)), []string{"score", "title"}, func(m *Renamed) { m.Name, m.Score = "b", 3 }},
		{"Stamp twice", update(title.Set("b"), hashrepo.Stamp[T]("nom", "e")), []string{"title"}, func(m *Renamed) { m.Name = "e" }},
		{"an impossible patch", func(t *testing.T, repo repository) {
			require.ErrorIs(t, repo.Update(ctx, "u", tags.Append("y"), title.Set("b"), score.Add(1<<62), score.Add(1<<62)), symphony.ErrOverflow)
		}, nil, same},

		{"UpdateField", func(t *testing.T, repo repository) { require.NoError(t, repo.UpdateField(ctx, "u", "title", "b")) },
			[]string{"title"}, func(m *Renamed) { m.Name = "b" }},
		{"IncrementField", func(t *testing.T, repo repository) {
			sum, err := repo.IncrementField(ctx, "u", "score", 4)
			require.NoError(t, err)
			require.EqualValues(t, 5, sum)
		}, []string{"score"}, func(m *Renamed) { m.Score = 5 }},
		{"Increment", func(t *testing.T, repo repository) {
			sum, err := ratio.Increment(ctx, repo, "u", 1)
			require.NoError(t, err)
			require.InDelta(t, 1.5, sum, 0)
		}, []string{"ratio"}, func(m *Renamed) { m.Ratio = 1.5 }},
		{"AppendToList", func(t *testing.T, repo repository) { require.NoError(t, repo.AppendToList(ctx, "u", "tags", "y")) },
			[]string{"tags"}, func(m *Renamed) { m.Tags = []string{"x", "y"} }},
		{"DeleteField", func(t *testing.T, repo repository) {
			n, err := repo.DeleteField(ctx, "u", "title", "nick", "city", "score", "title")
			require.NoError(t, err)
			require.EqualValues(t, 3, n)
		}, []string{"nick", "score", "title"}, func(m *Renamed) { m.Name, m.City, m.Score = "", "", 0 }},

		{"Mutate that changes nothing", func(t *testing.T, repo repository) {
			_, err := repo.Mutate(ctx, "u", func(*T) error { return nil })
			require.NoError(t, err)
		}, renamedFields, same},
		{"Mutate", func(t *testing.T, repo repository) {
			got, err := repo.Mutate(ctx, "u", func(v *T) error { changed(member(v)); return nil })
			require.NoError(t, err)
			require.Equal(t, stored(t, repo), got)
		}, renamedFields, changed},
	}
}

// Every method reads a field under an old name if its new name is absent. Every
// write of a field leaves its new name only. What an old name holds beside the
// new name does not matter.
func TestOldNames(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			t.Run(c.Name()+"/Renamed", func(t *testing.T) { testOldNames(t, p, c, func(m *Renamed) *Renamed { return m }) })
			t.Run(c.Name()+"/FullRenamed", func(t *testing.T) { testOldNames(t, p, c, func(m *FullRenamed) *Renamed { return &m.Renamed }) })
		}
	})
}

func testOldNames[T any](t *testing.T, p *pool.Pools, c codec.Codec, member func(*T) *Renamed) {
	for _, beside := range []bool{false, true} {
		for _, call := range oldNameCalls(member) {
			name := call.name
			if beside {
				name += ", old names beside new ones"
			}
			t.Run(name, func(t *testing.T) {
				repo, prefix := newRepo[T](t, p, hashrepo.Codec(c))
				key := prefix + "u"
				writeOldNames(t, p, repo, key, c, beside)
				want, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, Renamed{"a", 1, 0.5, []string{"x"}, nil, "n", "c"}, *member(&want))
				fields := pooltest.Hash(t, p, pool.User, key)

				call.call(t, repo)

				call.change(member(&want))
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, *member(&want), *member(&got))
				if full, ok := any(got).(FullRenamed); ok {
					require.Equal(t, map[string]string{"other": "1"}, full.More)
				}
				after := pooltest.Hash(t, p, pool.User, key)
				for field, names := range oldNames {
					if slices.Contains(call.writes, field) {
						for _, old := range names {
							require.NotContains(t, after, old)
						}
						continue
					}
					for _, name := range append([]string{field}, names...) {
						require.Equal(t, fields[name], after[name], name)
					}
				}
			})
		}
	}
}

// writeOldNames writes a record as a service with Unrenamed does, or one with
// new names and other texts under the old ones.
func writeOldNames[T any](t *testing.T, p *pool.Pools, repo *hashrepo.HashRepo[T], key string, c codec.Codec, beside bool) {
	t.Helper()
	tenant, _, _ := strings.Cut(key, ":")
	old, err := hashrepo.New[Unrenamed](p, pool.User, space(t, tenant), hashrepo.Codec(c))
	require.NoError(t, err)
	require.NoError(t, old.Upsert(ctx, "u", Unrenamed{"a", 1, 0.5, []string{"x"}, nil, "n", "c"}))
	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, "other", "1").Error())
	if !beside {
		return
	}
	_, err = repo.Mutate(ctx, "u", func(*T) error { return nil })
	require.NoError(t, err)
	for _, names := range oldNames {
		for _, name := range names {
			if name != "alias" {
				require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, name, "stale").Error())
			}
		}
	}
}

// Indexes agree with the records after every call, whether a field is under its
// old name or its new one.
func TestOldNamesOfIndexedFields(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	for _, c := range codecs {
		for _, call := range oldNameCalls(func(v *IndexedRenamed) *Renamed { return (*Renamed)(v) }) {
			t.Run(c.Name()+"/"+call.name, func(t *testing.T) {
				repo, prefix := newRepo[IndexedRenamed](t, p, hashrepo.Codec(c))
				key, tenant := prefix+"u", strings.TrimSuffix(prefix, ":user:")
				start := IndexedRenamed{"a", 1, 0.5, []string{"x"}, nil, "n", "c"}
				require.NoError(t, repo.Upsert(ctx, "u", start))
				for name, text := range pooltest.Hash(t, p, pool.User, key) {
					if name == "city" {
						continue
					}
					require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, oldNames[name][0], text).Error())
					require.NoError(t, pooltest.Do(t, p, pool.User, "HDEL", key, name).Error())
				}
				requireIndexes[IndexedRenamed](t, p, space(t, tenant), c)
				require.ErrorIs(t, repo.Upsert(ctx, "another", start), symphony.ErrExists)

				call.call(t, repo)

				requireIndexes[IndexedRenamed](t, p, space(t, tenant), c)
				want := Renamed(start)
				call.change(&want)
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, want, Renamed(got))
			})
		}
	}
}

// An old name is no name of a field for a caller. The error names the new one.
func TestOldNamesAreUnknownFields(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[FullRenamed](t, p)
	at := hashrepo.At[FullRenamed]
	for name, call := range map[string]func() error{
		"GetField":       func() error { return repo.GetField(ctx, "u", "nom", new(string)) },
		"Update":         func() error { return repo.Update(ctx, "u", at("nom").Set("b")) },
		"UpdateField":    func() error { return repo.UpdateField(ctx, "u", "nom", "b") },
		"DeleteField":    func() error { _, err := repo.DeleteField(ctx, "u", "nom"); return err },
		"IncrementField": func() error { _, err := repo.IncrementField(ctx, "u", "nom", 1); return err },
		"AppendToList":   func() error { return repo.AppendToList(ctx, "u", "nom", "b") },
		"FindOne":        func() error { _, err := repo.FindOne(ctx, at("nom").Eq("b")); return err },
		"Upsert":         func() error { return repo.Upsert(ctx, "u", FullRenamed{More: map[string]string{"nom": "b"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, func() error {
				err := call()
				require.ErrorContains(t, err, "title")
				var op *symphony.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "nom", op.Field)
				return err
			})
		})
	}
}

// Mutate begins anew if another writer changes the field under its old name.
func TestMutateSeesChangesOfOldNames(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, stored := range []string{"name", "title"} {
			repo, prefix := newRepo[Renamed](t, p)
			set := func(name, text string) {
				require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"u", name, text).Error())
			}
			set(stored, "a")
			var seen []string
			got, err := repo.Mutate(ctx, "u", func(m *Renamed) error {
				if seen = append(seen, m.Name); len(seen) == 1 {
					set("name", "b")
				}
				m.Name += "!"
				return nil
			})
			require.NoError(t, err)
			want := map[string][]string{"name": {"a", "b"}, "title": {"a", "a"}}[stored]
			require.Equal(t, want, seen)
			require.Equal(t, want[1]+"!", got.Name)
			after := pooltest.Hash(t, p, pool.User, prefix+"u")
			require.Equal(t, got.Name, after["title"])
			require.NotContains(t, after, "name")
		}
	})
}

// A field that moves to its new name keeps its own lifetime, except where a
// write of the new name removes it too.
func TestOldNamesKeepFieldLifetimes(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	if !p.SupportsFieldTTL(pool.User) {
		t.Skip("the server does not support lifetimes of fields")
	}
	title := hashrepo.FieldOf(func(m *Renamed) *string { return &m.Name })
	score := hashrepo.NumberOf(func(m *Renamed) *int64 { return &m.Score })
	ratio := hashrepo.NumberOf(func(m *Renamed) *float32 { return &m.Ratio })
	tags := hashrepo.ListOf(func(m *Renamed) *[]string { return &m.Tags })
	repo, prefix := newRepo[Renamed](t, p)
	key := prefix + "u"
	update := func(patches ...hashrepo.Patch[Renamed]) func() error {
		return func() error { return repo.Update(ctx, "u", patches...) }
	}
	mutate := func(change func(*Renamed)) func() error {
		return func() error {
			_, err := repo.Mutate(ctx, "u", func(m *Renamed) error { change(m); return nil })
			return err
		}
	}
	for name, tc := range map[string]struct {
		write func() error
		keeps map[string]bool // whether a field that is written keeps its lifetime
	}{
		"Add and Append":            {update(score.Add(1), tags.Append("y"), ratio.Add(1)), map[string]bool{"score": true, "tags": true, "ratio": true}},
		"Set":                       {update(title.Set("b"), score.Add(1), score.Set(3)), map[string]bool{"title": false, "score": false}},
		"SetFor":                    {update(title.SetFor("b", time.Minute), score.SetFor(4, time.Minute), score.Add(1)), map[string]bool{"title": true, "score": true}},
		"Mutate changes nothing":    {mutate(func(*Renamed) {}), map[string]bool{"title": true, "score": true, "tags": true, "ratio": true}},
		"Mutate changes two fields": {mutate(func(m *Renamed) { m.Name, m.Tags = "b", nil }), map[string]bool{"title": false, "score": true, "ratio": true}},
		"Upsert":                    {func() error { return repo.Upsert(ctx, "u", Renamed{}) }, map[string]bool{"title": false, "score": false, "ratio": false}},
	} {
		for _, beside := range []bool{false, true} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key).Error())
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, "name", "a", "points", "1", "share", "1", "labels", "[]").Error())
			names := []string{"name", "points", "share", "labels"}
			if beside {
				require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, "title", "a", "score", "1", "ratio", "1", "tags", "[]").Error())
			}
			require.NoError(t, pooltest.Do(t, p, pool.User, append([]string{"HPEXPIRE", key, "60000", "FIELDS", "4"}, names...)...).Error())
			require.NoError(t, tc.write(), name)
			for field, keeps := range tc.keeps {
				ms, err := pooltest.Do(t, p, pool.User, "HPTTL", key, "FIELDS", "1", field).AsIntSlice()
				require.NoError(t, err)
				if keeps && (!beside || name == "SetFor") {
					require.InDelta(t, 60_000, ms[0], 30_000, "%s: %s", name, field)
				} else {
					require.EqualValues(t, -1, ms[0], "%s: %s", name, field)
				}
			}
		}
	}
}
