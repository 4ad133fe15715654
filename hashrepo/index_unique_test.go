package hashrepo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Identity has two unique fields, and a list that is unique.
type Identity struct {
	Email string   `redis:"email,unique"`
	Phone *string  `redis:"phone,unique"`
	Keys  []string `redis:"keys,unique,omitempty"`
	City  string   `redis:"city,index,omitempty"`
	Score int64    `redis:"score,omitzero"`
}

var (
	identityEmail = hashrepo.FieldOf(func(a *Identity) *string { return &a.Email })
	identityPhone = hashrepo.FieldOf(func(a *Identity) **string { return &a.Phone })
	identityCity  = hashrepo.FieldOf(func(a *Identity) *string { return &a.City })
	identityKeys  = hashrepo.ListOf(func(a *Identity) *[]string { return &a.Keys })
	identityScore = hashrepo.NumberOf(func(a *Identity) *int64 { return &a.Score })
)

// newListedRepo returns a repository in the layout of the pools.
func newListedRepo[T any](t *testing.T, p *pool.Pools, opts ...hashrepo.Option) (*hashrepo.HashRepo[T], keyspace.Space) {
	t.Helper()
	s, err := p.Layout().User.Bind(pooltest.UniqueTenant())
	require.NoError(t, err)
	repo, err := hashrepo.New[T](p, pool.User, s, opts...)
	require.NoError(t, err)
	return repo, s
}

func keyOf(t *testing.T, s keyspace.Space, id string) string {
	t.Helper()
	key, err := s.Key(id)
	require.NoError(t, err)
	return key
}

// contents returns the keys of a database with what they hold.
func contents(t *testing.T, p *pool.Pools) map[string]any {
	t.Helper()
	x := indexCheck{pools: p, alias: pool.User}
	all := map[string]any{}
	for _, key := range pooltest.Keys(t, p, pool.User) {
		kind, err := x.do(t, "TYPE", key).ToString()
		require.NoError(t, err)
		switch kind {
		case "hash":
			all[key], err = x.do(t, "HGETALL", key).AsStrMap()
		case "zset":
			all[key] = x.sortedSet(t, key)
		default:
			all[key], err = x.do(t, "GET", key).ToString()
		}
		require.NoError(t, err)
	}
	return all
}

// A value that another record has is refused. The error names the field and the
// record, and nothing is changed, neither by the fields before.
func TestUniqueValueIsRefused(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		repo, s := newListedRepo[Identity](t, p)
		require.NoError(t, repo.Upsert(ctx, "u:1\n%", Identity{Email: "a", Phone: new("1"), Keys: []string{"x", "y"}}))
		require.NoError(t, repo.Upsert(ctx, "u2", Identity{Email: "b", City: "Rome"}))
		before := contents(t, p)
		for name, c := range map[string]struct {
			field string
			write func(id string) error
		}{
			"Upsert": {"email", func(id string) error { return repo.Upsert(ctx, id, Identity{Email: "a", City: "Bern"}) }},
			"second field": {"phone", func(id string) error {
				return repo.Upsert(ctx, id, Identity{Email: "c", Phone: new("1"), City: "Bern"})
			}},
			"Replace":      {"keys", func(id string) error { return repo.Replace(ctx, id, Identity{Email: "c", Keys: []string{"z", "y"}}) }},
			"UpsertMany":   {"email", func(id string) error { return repo.UpsertMany(ctx, record(id, Identity{Email: "a"})) }},
			"Update":       {"email", func(id string) error { return repo.Update(ctx, id, identityCity.Set("Bern"), identityEmail.Set("a")) }},
			"with Add":     {"phone", func(id string) error { return repo.Update(ctx, id, identityScore.Add(1), identityPhone.Set(new("1"))) }},
			"Append":       {"keys", func(id string) error { return repo.Update(ctx, id, identityKeys.Append("z", "x")) }},
			"UpdateField":  {"email", func(id string) error { return repo.UpdateField(ctx, id, "email", "a") }},
			"AppendToList": {"keys", func(id string) error { return repo.AppendToList(ctx, id, "keys", "x") }},
			"Merge": {"email", func(id string) error {
				_, err := repo.Merge(ctx, id, identityEmail.Set("a"))
				return err
			}},
			"Mutate": {"phone", func(id string) error {
				_, err := repo.Mutate(ctx, id, func(a *Identity) error { a.Phone, a.City = new("1"), "Bern"; return nil })
				return err
			}},
		} {
			for _, id := range []string{"u2", "new"} {
				err := c.write(id)
				require.ErrorIs(t, err, symphony.ErrExists, name)
				require.ErrorContains(t, err, `the record "u:1\n%" has it`, name)
				var op *symphony.OpError
				require.ErrorAs(t, err, &op, name)
				require.Equal(t, c.field, op.Field, name)
				require.False(t, op.MaybeApplied(), name)
				require.Equal(t, before, contents(t, p), "%s of %q changed something", name, id)
			}
		}
		requireIndexes[Identity](t, p, s, codec.Compact)
	})
}

// A record that does not have the value any more does not block another one,
// whatever happened to it.
func TestFormerHolderDoesNotBlock(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		do := func(args ...string) { require.NoError(t, pooltest.Do(t, p, pool.User, args...).Error()) }
		for name, lose := range map[string]func(repo *hashrepo.HashRepo[Identity], key string){
			"expired": func(repo *hashrepo.HashRepo[Identity], key string) {
				_, err := repo.With(hashrepo.TTL(time.Millisecond)).Touch(ctx, "old")
				require.NoError(t, err)
				require.Eventually(t, func() bool { return len(pooltest.Hash(t, p, pool.User, key)) == 0 }, 10*time.Second, time.Millisecond)
			},
			"deleted": func(repo *hashrepo.HashRepo[Identity], _ string) {
				_, err := repo.Delete(ctx, "old")
				require.NoError(t, err)
			},
			"replaced": func(repo *hashrepo.HashRepo[Identity], _ string) {
				require.NoError(t, repo.Replace(ctx, "old", Identity{}))
			},
			"deleted by a program": func(_ *hashrepo.HashRepo[Identity], key string) { do("DEL", key) },
			"changed by a program": func(_ *hashrepo.HashRepo[Identity], key string) {
				do("HSET", key, "email", "c", "phone", "3", "keys", "[]")
			},
			"cleared by a program": func(_ *hashrepo.HashRepo[Identity], key string) { do("HDEL", key, "email", "phone", "keys") },
			"another type":         func(_ *hashrepo.HashRepo[Identity], key string) { do("DEL", key); do("SET", key, "text") },
			"written by a program": func(_ *hashrepo.HashRepo[Identity], key string) { do("DEL", key); do("HSET", key, "email", "c") },
			"expired by a program": func(_ *hashrepo.HashRepo[Identity], key string) { do("PEXPIREAT", key, "1") },
			"expired and came back": func(repo *hashrepo.HashRepo[Identity], key string) {
				do("DEL", key)
				require.NoError(t, repo.Update(ctx, "old", identityScore.Add(1)))
			},
		} {
			repo, s := newListedRepo[Identity](t, p)
			held := Identity{Email: "a", Phone: new("1"), Keys: []string{"x"}}
			require.NoError(t, repo.Upsert(ctx, "old", held))
			require.ErrorIs(t, repo.Upsert(ctx, "new", held), symphony.ErrExists)
			lose(repo, keyOf(t, s, "old"))
			require.NoError(t, repo.Upsert(ctx, "new", held), name)
			require.NoError(t, repo.Upsert(ctx, "new", held), name)
			if !strings.Contains(name, "program") {
				requireIndexes[Identity](t, p, s, codec.Compact, name)
			}
			_, err := repo.Delete(ctx, "new")
			require.NoError(t, err)
			_, err = repo.Delete(ctx, "old")
			if name != "another type" {
				require.NoError(t, err, name)
				requireNoKeys(t, p, s, name)
			}
		}
	})
}

// requireNoKeys requires that neither records nor keys of indexes are left of a
// space.
func requireNoKeys(t *testing.T, p *pool.Pools, s keyspace.Space, step ...any) {
	t.Helper()
	before, _ := s.Parts()
	for _, key := range pooltest.Keys(t, p, pool.User) {
		require.NotContains(t, key, strings.Trim(before, "{}"), step...)
	}
}

// Nil and an empty list are in no index, so any number of records may have
// them.
func TestUniqueDoesNotCoverAbsentFields(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		repo, s := newListedRepo[Identity](t, p)
		require.NoError(t, repo.Upsert(ctx, "u1", Identity{Email: "a", Keys: []string{}}))
		require.NoError(t, repo.Upsert(ctx, "u2", Identity{Email: "b", Keys: []string{}}))
		require.NoError(t, repo.Update(ctx, "u3", identityPhone.Set(nil), identityKeys.Clear()))
		require.ErrorIs(t, repo.Upsert(ctx, "u3", Identity{Email: "a"}), symphony.ErrExists)
		require.NoError(t, repo.Upsert(ctx, "u1", Identity{Email: "c", Keys: []string{"x", "x"}}))
		require.NoError(t, repo.Upsert(ctx, "u3", Identity{Email: "a"}))
		requireIndexes[Identity](t, p, s, codec.Compact)
	})
}

// A write whose condition does not hold, or that cannot be stored, changes no
// index.
func TestRefusedWriteChangesNoIndex(t *testing.T) {
	type versioned struct {
		Email   string            `redis:"email,unique"`
		Extra   map[string]string `redis:",extra"`
		Version int64             `redis:"v,version"`
	}
	email := hashrepo.FieldOf(func(v *versioned) *string { return &v.Email })
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		repo, s := newListedRepo[versioned](t, p)
		require.NoError(t, repo.Upsert(ctx, "u", versioned{Email: "a", Extra: map[string]string{"more": "1"}}))
		requireIndexes[versioned](t, p, s, codec.Compact)
		require.NoError(t, pooltest.Do(t, p, pool.User, "SET", keyOf(t, s, "text"), "x").Error())
		before := contents(t, p)
		large := versioned{Email: strings.Repeat("x", 65<<20)}
		remove := func(r *hashrepo.HashRepo[versioned], id string) error { _, err := r.Delete(ctx, id); return err }
		for name, c := range map[string]struct{ want, err error }{
			"IfExists":              {symphony.ErrNotFound, repo.With(hashrepo.IfExists()).Upsert(ctx, "none", versioned{Email: "b"})},
			"IfExists of Update":    {symphony.ErrNotFound, repo.With(hashrepo.IfExists()).Update(ctx, "none", email.Set("b"))},
			"IfAbsent":              {symphony.ErrExists, repo.With(hashrepo.IfAbsent()).Upsert(ctx, "u", versioned{Email: "b"})},
			"version":               {symphony.ErrConflict, repo.Upsert(ctx, "u", versioned{Email: "b"})},
			"version of a new one":  {symphony.ErrConflict, repo.Replace(ctx, "none", versioned{Email: "b", Version: 3})},
			"IfVersion":             {symphony.ErrConflict, repo.With(hashrepo.IfVersion(7)).Update(ctx, "u", email.Set("b"))},
			"IfVersion of Delete":   {symphony.ErrConflict, remove(repo.With(hashrepo.IfVersion(7)), "u")},
			"another type":          {symphony.ErrWrongType, repo.Upsert(ctx, "text", versioned{Email: "b"})},
			"another type, Update":  {symphony.ErrWrongType, repo.Update(ctx, "text", email.Set("b"))},
			"another type, Replace": {symphony.ErrWrongType, repo.Replace(ctx, "text", versioned{Email: "b"})},
			"another type, Delete":  {symphony.ErrWrongType, remove(repo, "text")},
			"too large":             {symphony.ErrTooLarge, repo.Upsert(ctx, "u", large)},
		} {
			require.ErrorIs(t, c.err, c.want, name)
		}
		require.Equal(t, before, contents(t, p))

		_, err := repo.Mutate(ctx, "u", func(v *versioned) error { v.Email, v.Extra = "c", nil; return nil })
		require.NoError(t, err)
		requireIndexes[versioned](t, p, s, codec.Compact)
	})
}

// The next look at a record is not later than its end: a shorter lifetime moves
// it. A record without a lifetime is looked at within a day.
func TestNextLookFollowsTheLifetime(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		repo, s := newListedRepo[Identity](t, p, hashrepo.TTL(240*time.Hour))
		write := func(ctx context.Context, r *hashrepo.HashRepo[Identity]) error {
			return r.Upsert(ctx, "u", Identity{Email: "a"})
		}
		touch := func(ctx context.Context, r *hashrepo.HashRepo[Identity]) error {
			_, err := r.Touch(ctx, "u")
			return err
		}
		update := func(ctx context.Context, r *hashrepo.HashRepo[Identity]) error {
			return r.Update(ctx, "u", identityScore.Add(1))
		}
		for i, step := range []func() error{
			func() error { return write(ctx, repo) },
			func() error { return write(ctx, repo.With(hashrepo.NoTTL())) },
			func() error { return write(ctx, repo.With(hashrepo.KeepTTL())) },
			func() error { return touch(ctx, repo.With(hashrepo.TTL(9*time.Hour))) },
			func() error { return touch(ctx, repo.With(hashrepo.NoTTL())) },
			func() error { return update(ctx, repo.With(hashrepo.TTL(8*time.Hour))) },
			func() error { return update(ctx, repo.With(hashrepo.KeepTTL())) },
			func() error { return update(ctx, repo) },
			func() error { return write(ctx, repo.With(hashrepo.TTL(time.Hour))) },
		} {
			require.NoError(t, step())
			requireIndexes[Identity](t, p, s, codec.Compact, "step %d", i)
		}
		require.NoError(t, repo.Upsert(ctx, "empty", Identity{Email: ""}))
		require.NoError(t, repo.Update(ctx, "empty", identityEmail.Clear()))
		requireIndexes[Identity](t, p, s, codec.Compact, "a record with no field but the reserved one")
	})
}

// Keys of indexes lie beside the records of every layout, with the prefix of
// the pool, whatever the ids are.
func TestIndexesInEveryLayout(t *testing.T) {
	prefixed := keyspace.Default()
	prefixed.User = keyspace.MustCompile("{tenant}:user:{id}:account")
	for name, cfg := range map[string]pool.Config{
		"default": {}, "python": {Layout: keyspace.Python()}, "suffix": {Layout: prefixed}, "by tenant": {Layout: keyspace.ClusterByTenant()},
		"prefix": {PrefixKeys: true}, "both": {PrefixKeys: true, Layout: keyspace.ClusterByTenant()},
	} {
		t.Run(name, func(t *testing.T) {
			p := pooltest.Redis(t, cfg)
			repo, s := newListedRepo[Identity](t, p)
			ids := []string{"u1", "a:b", "100%", "new\nline", "é", "a b", "\xff", "{", "{u}", "}{"}
			ids = slices.DeleteFunc(ids, func(id string) bool { _, err := s.Key(id); return err != nil })
			require.Greater(t, len(ids), 3)
			for i, id := range ids {
				a := Identity{Email: id, Keys: []string{fmt.Sprint("key ", i), fmt.Sprint("more ", i)}, City: "Bern"}
				require.NoError(t, repo.Upsert(ctx, id, a))
				err := repo.Upsert(ctx, "other", a)
				require.ErrorIs(t, err, symphony.ErrExists)
				require.ErrorContains(t, err, fmt.Sprintf("the record %q has it", id))
				requireIndexes[Identity](t, p, s, codec.Compact, "%d", i)
			}
			for _, id := range ids {
				n, err := repo.Delete(ctx, id)
				require.NoError(t, err)
				require.EqualValues(t, 1, n)
				requireIndexes[Identity](t, p, s, codec.Compact)
			}
			requireNoKeys(t, p, s)
		})
	}
}

// An index on a field that cannot have one is refused with the name of the
// field.
func TestFieldsWithoutAnOrder(t *testing.T) {
	p := pooltest.Embedded(t)
	for name, err := range map[string]error{
		"Labels": newErr[struct {
			Labels map[string]string `redis:"labels,index"`
		}](t, p),
		"Address": newErr[struct {
			Address struct{ Street string } `redis:"address,unique"`
		}](t, p),
		"Any": newErr[struct {
			Any any `redis:"any,index"`
		}](t, p),
		"Raw": newErr[struct {
			Raw []byte `redis:"raw,index"`
		}](t, p),
		"Version": newErr[struct {
			Version int64 `redis:"v,version,index"`
		}](t, p),
		"Extra": newErr[struct {
			Name  string            `redis:"name"`
			Extra map[string]string `redis:",extra,index"`
		}](t, p),
	} {
		require.ErrorIs(t, err, symphony.ErrInvalidSchema, name)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "index", name)
	}
}

func newErr[T any](t *testing.T, p *pool.Pools, opts ...hashrepo.Option) error {
	t.Helper()
	s, err := p.Layout().User.Bind("acme")
	require.NoError(t, err)
	_, err = hashrepo.New[T](p, pool.User, s, opts...)
	return err
}

// A field with an index has no lifetime of its own, because nothing would
// remove its item. The records of a space must be in one slot.
func TestIndexesThatAreUnsupported(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newListedRepo[Identity](t, p)
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		err := repo.Update(ctx, "u", identityEmail.SetFor("a", time.Hour))
		require.ErrorContains(t, err, "the field has an index")
		return err
	})
	onCluster := pooltest.Redis(t, pool.Config{Layout: keyspace.Cluster()})
	for name, err := range map[string]error{
		"index":  newErr[Identity](t, onCluster),
		"Listed": newErr[Document](t, onCluster, hashrepo.Listed()),
	} {
		require.ErrorIs(t, err, symphony.ErrUnsupported, name)
		require.ErrorContains(t, err, "keyspace.ClusterByTenant", name)
	}
}
