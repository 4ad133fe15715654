package hashrepo_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

type Document struct {
	Title   string   `redis:"title"`
	Words   int64    `redis:"words"`
	Tags    []string `redis:"tags"`
	Version int64    `redis:"v,version"`
}

var (
	title      = hashrepo.FieldOf(func(d *Document) *string { return &d.Title })
	words      = hashrepo.NumberOf(func(d *Document) *int64 { return &d.Words })
	docTags    = hashrepo.ListOf(func(d *Document) *[]string { return &d.Tags })
	docVersion = hashrepo.NumberOf(func(d *Document) *int64 { return &d.Version })
)

// A write with the stored version succeeds and increments it. A write with
// another version changes nothing.
func TestVersions(t *testing.T) {
	writes := map[string]func(*hashrepo.HashRepo[Document]) func(context.Context, string, Document) error{
		"Upsert":  func(r *hashrepo.HashRepo[Document]) func(context.Context, string, Document) error { return r.Upsert },
		"Replace": func(r *hashrepo.HashRepo[Document]) func(context.Context, string, Document) error { return r.Replace },
		"UpsertMany": func(r *hashrepo.HashRepo[Document]) func(context.Context, string, Document) error {
			return func(ctx context.Context, id string, d Document) error { return r.UpsertMany(ctx, record(id, d)) }
		},
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			for method, of := range writes {
				t.Run(c.Name()+"/"+method, func(t *testing.T) {
					repo, key := newRepo[Document](t, p, hashrepo.Codec(c))
					write := of(repo)
					require.ErrorIs(t, write(ctx, "u", Document{Title: "gone", Version: 1}), symphony.ErrConflict)
					require.Empty(t, pooltest.Hash(t, p, pool.User, key+"u"), "a deleted record was created again")
					require.NoError(t, write(ctx, "u", Document{Title: "first"}))
					require.ErrorIs(t, write(ctx, "u", Document{Title: "first again"}), symphony.ErrConflict)
					got, err := repo.Get(ctx, "u")
					require.NoError(t, err)
					require.Equal(t, Document{Title: "first", Version: 1}, got)
					require.Equal(t, "1", pooltest.Hash(t, p, pool.User, key+"u")["v"])
					got.Title = "second"
					require.NoError(t, write(ctx, "u", got))
					got.Title = "lost"
					err = write(ctx, "u", got)
					require.ErrorIs(t, err, symphony.ErrConflict)
					var op *symphony.OpError
					require.ErrorAs(t, err, &op)
					require.False(t, op.MaybeApplied())
					got, err = repo.Get(ctx, "u")
					require.NoError(t, err)
					require.Equal(t, Document{Title: "second", Version: 2}, got)
				})
			}
		}
	})
}

// Every other write increments the version too, with every codec. The methods
// that return the record return its new version.
func TestEveryWriteIncrementsTheVersion(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Document](t, p, hashrepo.Codec(c))
			require.NoError(t, repo.Update(ctx, "u", words.Add(1)))
			got, err := repo.Merge(ctx, "u", docTags.Append("a"), title.Set("x"))
			require.NoError(t, err)
			require.Equal(t, Document{Title: "x", Words: 1, Tags: []string{"a"}, Version: 2}, got)
			got, err = repo.Mutate(ctx, "u", func(d *Document) error { d.Words, d.Version = 7, 1000; return nil })
			require.NoError(t, err)
			require.Equal(t, Document{Title: "x", Words: 7, Tags: []string{"a"}, Version: 3}, got)
			require.NoError(t, repo.UpdateField(ctx, "u", "title", "y"))
			_, err = repo.IncrementField(ctx, "u", "words", 1)
			require.NoError(t, err)
			require.NoError(t, repo.AppendToList(ctx, "u", "tags", "b"))
			_, err = repo.DeleteField(ctx, "u", "title")
			require.NoError(t, err)
			_, err = words.Increment(ctx, repo, "u", 1)
			require.NoError(t, err)
			require.NoError(t, repo.Update(ctx, "u", title.Clear(), words.Clear(), docTags.Clear()))
			got, err = repo.Get(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, Document{Version: 9}, got)
			touched, err := repo.Touch(ctx, "u")
			require.NoError(t, err)
			require.True(t, touched)
			v, err := docVersion.Get(ctx, repo, "u")
			require.NoError(t, err)
			require.EqualValues(t, 9, v)
			first, err := repo.Mutate(ctx, "new", func(d *Document) error { d.Title = "n"; return nil })
			require.NoError(t, err)
			require.EqualValues(t, 1, first.Version)
		}
	})
}

func TestIfVersion(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Document](t, p)
		ifVersion := func(v int64) *hashrepo.HashRepo[Document] { return repo.With(hashrepo.IfVersion(v)) }
		stale := ifVersion(1).Update(ctx, "u", words.Add(1))
		require.ErrorIs(t, stale, symphony.ErrConflict)
		require.ErrorContains(t, stale, "read the record again")
		require.NoError(t, ifVersion(0).Update(ctx, "u", words.Add(1)))
		require.ErrorIs(t, ifVersion(0).Update(ctx, "u", words.Add(1)), symphony.ErrConflict)
		_, err := ifVersion(2).Merge(ctx, "u", words.Add(1))
		require.ErrorIs(t, err, symphony.ErrConflict)
		_, err = ifVersion(2).Mutate(ctx, "u", func(*Document) error { return nil })
		require.ErrorIs(t, err, symphony.ErrConflict)
		_, err = ifVersion(2).DeleteField(ctx, "u", "words")
		require.ErrorIs(t, err, symphony.ErrConflict)
		_, err = ifVersion(2).Delete(ctx, "u")
		require.ErrorIs(t, err, symphony.ErrConflict)
		require.Equal(t, map[string]string{"v": "1", "words": "1"}, pooltest.Hash(t, p, pool.User, key+"u"))
		got, err := ifVersion(1).Merge(ctx, "u", words.Add(1))
		require.NoError(t, err)
		require.Equal(t, Document{Words: 2, Version: 2}, got)
		require.NoError(t, ifVersion(2).Upsert(ctx, "u", got))
		pooltest.RequireNothingSent(t, p, symphony.ErrConflict, func() error { return ifVersion(9).Upsert(ctx, "u", got) })
		require.ErrorIs(t, ifVersion(9).With(hashrepo.IfExists()).Update(ctx, "gone", words.Add(1)), symphony.ErrNotFound)
		n, err := ifVersion(3).Delete(ctx, "u")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		n, err = ifVersion(0).Delete(ctx, "u")
		require.NoError(t, err)
		require.Zero(t, n)

		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := ifVersion(1).Touch(ctx, "u"); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := ifVersion(1).DeleteAll(ctx); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { return repo.Update(ctx, "u", docVersion.Add(1)) })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { return repo.UpdateField(ctx, "u", "v", 1) })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := repo.DeleteField(ctx, "u", "v"); return err })
		_, err = hashrepo.New[Document](p, pool.User, space(t, "t"), hashrepo.IfVersion(1))
		require.NoError(t, err)
		_, err = hashrepo.New[Profile](p, pool.User, space(t, "t"), hashrepo.IfVersion(1))
		require.ErrorIs(t, err, symphony.ErrUnsupported)
		require.ErrorContains(t, err, "IfVersion")
	})
}

// If the stored version is not a number, the error names its field, and nothing
// changes.
func TestCorruptVersion(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Document](t, p)
		for text, want := range map[string]error{
			"x": symphony.ErrFieldType, "1.5": symphony.ErrFieldType, "": symphony.ErrFieldType, "007": symphony.ErrFieldType, "-0": symphony.ErrFieldType,
			"9223372036854775807": symphony.ErrOverflow, "9223372036854775808": symphony.ErrOverflow, "99999999999999999999": symphony.ErrOverflow,
		} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "v", text).Error())
			_, deleted := repo.DeleteField(ctx, "u", "title")
			for _, err := range []error{repo.Update(ctx, "u", title.Set("x")), deleted} {
				require.ErrorIs(t, err, want, text)
				var op *symphony.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "v", op.Field)
				require.False(t, op.MaybeApplied())
			}
			require.Error(t, repo.Upsert(ctx, "u", Document{Title: "x", Version: math.MaxInt64}))
			require.Error(t, repo.UpsertMany(ctx, record("u", Document{Title: "x", Version: math.MaxInt64})))
			require.Equal(t, map[string]string{"v": text}, pooltest.Hash(t, p, pool.User, key+"u"))
		}
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "v", "x").Error())
		_, err := repo.Mutate(ctx, "u", func(*Document) error { return nil })
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "v", bad.Field)
		require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"u").Error())
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "title", "unversioned").Error())
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.NoError(t, repo.With(hashrepo.TTL(time.Hour)).Upsert(ctx, "u", got))
	})
}

// A record with a version does not need the reserved field.
func TestReservedFieldOfVersionedRecords(t *testing.T) {
	type Bare struct {
		Note    *string `redis:"note"`
		Version int64   `redis:"v,version"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Bare](t, p)
		for _, write := range []func() error{
			func() error { return repo.Upsert(ctx, "u", Bare{}) },
			func() error { return repo.Replace(ctx, "u", Bare{}) },
			func() error { _, err := repo.Mutate(ctx, "u", func(*Bare) error { return nil }); return err },
			func() error {
				return repo.Update(ctx, "u", hashrepo.FieldOf(func(b *Bare) **string { return &b.Note }).Clear())
			},
		} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"u").Error())
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "_", "").Error())
			require.NoError(t, write())
			require.Equal(t, map[string]string{"v": "1"}, pooltest.Hash(t, p, pool.User, key+"u"))
		}
		bare, key := newRepo[struct {
			Note *string `redis:"note"`
		}](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "_", "", "unknown", "x").Error())
		require.NoError(t, bare.Upsert(ctx, "u", struct {
			Note *string `redis:"note"`
		}{}))
		require.Equal(t, map[string]string{"unknown": "x"}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

// UpsertVersion returns the version that it stored. If it fails, it returns the
// version of the value.
func TestUpsertVersion(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Document](t, p, hashrepo.Codec(c))
			doc := Document{Title: "first"}
			for want := range int64(3) {
				var err error
				doc.Version, err = repo.UpsertVersion(ctx, "u", doc)
				require.NoError(t, err)
				require.Equal(t, want+1, doc.Version)
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, doc, got)
			}
			version, err := repo.UpsertVersion(ctx, "u", Document{Version: 2})
			require.ErrorIs(t, err, symphony.ErrConflict)
			require.ErrorContains(t, err, "UpsertVersion")
			require.EqualValues(t, 2, version)
		}
	})
	p := pooltest.Embedded(t)
	unversioned, _ := newRepo[Profile](t, p)
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		_, err := unversioned.UpsertVersion(ctx, "u", Profile{})
		return err
	})
}
