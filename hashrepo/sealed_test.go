package hashrepo_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// masterKey returns a key of 32 bytes.
func masterKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

type patient struct {
	Name    string            `redis:"name"`
	SSN     *string           `redis:"ssn"`
	Visits  int64             `redis:"visits"`
	Weight  float64           `redis:"weight"`
	Notes   []string          `redis:"notes,omitzero"`
	Born    time.Time         `redis:"born"`
	Labels  map[string]string `redis:"labels"`
	Version int64             `redis:",version"`
	Rest    map[string]string `redis:",extra"`
}

func newPatient() patient {
	ssn := "078-05-1120"
	return patient{
		Name: "Ada", SSN: &ssn, Visits: 3, Weight: 1.5, Notes: []string{"tall"}, Labels: map[string]string{"a": "b"},
		Born: time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC), Rest: map[string]string{"ward": "north"},
	}
}

// plainTexts are the texts of the values of newPatient. None may be stored.
var plainTexts = []string{"Ada", "078-05", "tall", "1815", "north"}

// requireSealed requires that no text of a value is stored, and that each field
// but some has the mark of a sealed value.
func requireSealed(t *testing.T, stored map[string]string, except ...string) {
	t.Helper()
	require.NotEmpty(t, stored)
	for name, text := range stored {
		if slices.Contains(except, name) {
			continue
		}
		require.True(t, strings.HasPrefix(text, "\xc1seal\x01"), "%s: %q", name, text)
		for _, plain := range plainTexts {
			require.NotContains(t, text, plain)
		}
	}
}

// Every read returns what every write stored, and nothing but the version is
// stored in the clear.
func TestSealedRecords(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
			t.Run(c.Name(), func(t *testing.T) { checkSealedRecords(t, p, c) })
		}
	})
}

func checkSealedRecords(t *testing.T, p *pool.Pools, c codec.Codec) {
	repo, prefix := newRepo[patient](t, p, hashrepo.Codec(codec.Sealed(c, pooltest.KeyRing(t, "k"))))
	stored := func() map[string]string { return pooltest.Hash(t, p, pool.User, prefix+"u") }
	want := newPatient()
	require.NoError(t, repo.Upsert(ctx, "u", want))
	want.Version = 1
	check := func() {
		t.Helper()
		requireSealed(t, stored(), "Version")
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.True(t, got.Born.Equal(want.Born))
		got.Born = want.Born
		require.Equal(t, want, got)
		many, err := repo.GetMany(ctx, "u", "v")
		require.NoError(t, err)
		require.Len(t, many, 1)
		require.Equal(t, want.SSN, many[0].Value.SSN)
		for record, err := range repo.All(ctx) {
			require.NoError(t, err)
			require.Equal(t, want.Notes, record.Value.Notes)
		}
	}
	check()

	sum, err := repo.IncrementField(ctx, "u", "visits", 4)
	require.NoError(t, err)
	require.Equal(t, int64(7), sum)
	want.Visits, want.Version = 7, want.Version+1
	check()

	require.NoError(t, repo.Update(ctx, "u", hashrepo.At[patient]("name").Set("Ada L."),
		hashrepo.ListOf(func(p *patient) *[]string { return &p.Notes }).Append("kind"),
		hashrepo.NumberOf(func(p *patient) *float64 { return &p.Weight }).Add(0.5).AtMost(3),
		hashrepo.FieldOf(func(p *patient) *map[string]string { return &p.Labels }).Clear()))
	want.Name, want.Notes, want.Weight, want.Labels, want.Version = "Ada L.", []string{"tall", "kind"}, 2, nil, want.Version+1
	check()

	merged, err := repo.Merge(ctx, "u", hashrepo.At[patient]("name").Set("A."))
	require.NoError(t, err)
	require.Equal(t, "A.", merged.Name)
	require.Equal(t, want.SSN, merged.SSN)
	want.Name, want.Version = "A.", want.Version+1
	check()

	before := stored()
	mutated, err := repo.Mutate(ctx, "u", func(p *patient) error { p.Name, p.Rest = "B.", map[string]string{"ward": "south"}; return nil })
	require.NoError(t, err)
	require.Equal(t, "B.", mutated.Name)
	want.Name, want.Rest, want.Version = "B.", map[string]string{"ward": "south"}, want.Version+1
	check()
	require.Equal(t, before["ssn"], stored()["ssn"], "Mutate writes what changed")
	require.NotEqual(t, before["name"], stored()["name"])

	want.Rest = map[string]string{"bed": "9"}
	require.NoError(t, repo.Replace(ctx, "u", want))
	want.Version++
	check()

	var name string
	require.NoError(t, repo.GetField(ctx, "u", "name", &name))
	require.Equal(t, "B.", name)
	require.NoError(t, repo.UpdateField(ctx, "u", "name", "C."))
	want.Name, want.Version = "C.", want.Version+1
	check()

	_, err = repo.IncrementField(ctx, "u", "visits", 1<<62)
	require.NoError(t, err)
	_, err = repo.IncrementField(ctx, "u", "visits", 1<<62)
	require.ErrorIs(t, err, hashrepo.ErrOverflow)
	require.NotContains(t, err.Error(), "46116")
}

// A value does not open in another field, record, tenant, or with other keys,
// and the error says so without any text of the value.
func TestSealedValuesAreBound(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	ring := pooltest.KeyRing(t, "k")
	repo, prefix := newRepo[patient](t, p, hashrepo.Codec(codec.Sealed(codec.Compact, ring)))
	require.NoError(t, repo.Upsert(ctx, "u", newPatient()))
	require.NoError(t, repo.Upsert(ctx, "v", newPatient()))
	hset := func(id, field, text string) {
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+id, field, text).Error())
	}
	hget := func(id, field string) string { return pooltest.Hash(t, p, pool.User, prefix+id)[field] }
	refused := func(id string, want error, fields ...string) {
		t.Helper()
		_, err := repo.Get(ctx, id)
		require.ErrorIs(t, err, want)
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		for _, field := range fields {
			require.Equal(t, field, bad.Field)
		}
		for _, plain := range plainTexts {
			require.NotContains(t, err.Error(), plain)
		}
		_, err = repo.Mutate(ctx, id, func(*patient) error { return nil })
		require.ErrorIs(t, err, want)
		_, err = repo.GetMany(ctx, id)
		require.ErrorIs(t, err, want)
	}

	name, ssn := hget("u", "name"), hget("u", "ssn")
	hset("u", "name", ssn)
	refused("u", codec.ErrCannotOpen, "name")
	var text string
	require.ErrorIs(t, repo.GetField(ctx, "u", "name", &text), codec.ErrCannotOpen)
	hset("u", "name", hget("v", "name"))
	refused("u", codec.ErrCannotOpen, "name")
	hset("u", "name", "Eve")
	refused("u", codec.ErrNotSealed, "name")
	changed := []byte(name)
	changed[len(changed)-1] ^= 1
	hset("u", "name", string(changed))
	refused("u", codec.ErrCannotOpen, "name")
	hset("u", "visits", "7")
	_, err := repo.IncrementField(ctx, "u", "visits", 1)
	require.ErrorIs(t, err, codec.ErrNotSealed)

	require.NoError(t, pooltest.Do(t, p, pool.User, "RENAME", prefix+"v", prefix+"w").Error())
	refused("w", codec.ErrCannotOpen)

	require.NoError(t, repo.Upsert(ctx, "x", newPatient()))
	other := pooltest.KeyRing(t, "n")
	stranger := repo.With(hashrepo.Codec(codec.Sealed(codec.Compact, other)))
	_, err = stranger.Get(ctx, "x")
	var key *codec.KeyError
	require.ErrorAs(t, err, &key)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.Equal(t, "k", key.ID)
	require.NotContains(t, err.Error(), string(masterKey('k')))

	_, err = repo.With(hashrepo.Codec(codec.Compact)).IncrementField(ctx, "x", "visits", 1)
	require.Error(t, err, "a repository that does not seal adds to no sealed field")
}

// The records of a tenant do not open in another one, in whose keys the ring
// has the same bytes.
func TestSealedValuesOfAnotherTenant(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	sealed := hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k")))
	one, prefix := newRepo[map[string]string](t, p, sealed)
	other, otherPrefix := newRepo[map[string]string](t, p, sealed)
	require.NoError(t, one.Upsert(ctx, "u", map[string]string{"a": "text"}))
	require.NoError(t, pooltest.Do(t, p, pool.User, "COPY", prefix+"u", otherPrefix+"u").Error())
	_, err := other.Get(ctx, "u")
	require.ErrorIs(t, err, codec.ErrCannotOpen)
	got, err := one.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "text"}, got)
}

// A record opens under another layout with the same parts, so a tenant can move
// to a cluster.
func TestSealedRecordsMoveToAnotherLayout(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	sealed := hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k")))
	tenant := pooltest.UniqueTenant()
	in := func(l keyspace.Layout) (*hashrepo.HashRepo[map[string]string], string) {
		s, err := l.User.Bind(tenant)
		require.NoError(t, err)
		repo, err := hashrepo.New[map[string]string](p, pool.User, s, sealed)
		require.NoError(t, err)
		key, err := s.Key("u")
		require.NoError(t, err)
		return repo, key
	}
	one, key := in(keyspace.Default())
	other, otherKey := in(keyspace.ClusterByTenant())
	require.NotEqual(t, key, otherKey)
	require.NoError(t, one.Upsert(ctx, "u", map[string]string{"a": "text"}))
	require.NoError(t, pooltest.Do(t, p, pool.User, "RENAME", key, otherKey).Error())
	got, err := other.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "text"}, got)
}

type member struct {
	Email string            `redis:"email,unique"`
	Age   int               `redis:"age,index"`
	SSN   string            `redis:"ssn,sealed"`
	Phone string            `redis:"phone,was=tel,sealed"`
	Score int               `redis:"score"`
	Rest  map[string]string `redis:",extra"`
}

// With the option sealed, only the fields with it are sealed. The others keep
// their indexes and are changed by scripts.
func TestSealedOption(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		s, err := p.Layout().User.Bind(tenant)
		require.NoError(t, err)
		repo, err := hashrepo.New[member](p, pool.User, s, hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k"))))
		require.NoError(t, err)
		want := member{Email: "a@b.c", Age: 40, SSN: "078-05-1120", Phone: "555", Score: 1, Rest: map[string]string{"x": "y"}}
		require.NoError(t, repo.Upsert(ctx, "u", want))
		_, err = repo.IncrementField(ctx, "u", "score", 2)
		require.NoError(t, err)
		require.NoError(t, repo.UpdateField(ctx, "u", "phone", "556"))
		want.Score, want.Phone = 3, "556"
		for range repo.Reindex(ctx) {
		}
		found, err := repo.FindByField(ctx, "email", "a@b.c")
		require.NoError(t, err)
		require.Equal(t, want, found.Value)
		key, err := s.Key("u")
		require.NoError(t, err)
		stored := pooltest.Hash(t, p, pool.User, key)
		requireSealed(t, map[string]string{"ssn": stored["ssn"], "phone": stored["phone"]})
		require.Equal(t, []string{"a@b.c", "40", "3", "y"}, []string{stored["email"], stored["age"], stored["score"], stored["x"]})
	})
}

// A field that was renamed opens under its new name, whether a read finds the
// old name, a script moves it, or a write replaces it.
func TestSealedFieldsAreRenamed(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	type before struct {
		Tel string `redis:"tel"`
		N   int    `redis:"n"`
	}
	type after struct {
		Phone string `redis:"phone,was=tel"`
		Count int    `redis:"count,was=n"`
	}
	sealed := hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k")))
	old, prefix := newRepo[before](t, p, sealed)
	s, err := keyspace.Default().User.Bind(strings.TrimSuffix(prefix, ":user:"))
	require.NoError(t, err)
	repo, err := hashrepo.New[after](p, pool.User, s, sealed)
	require.NoError(t, err)
	for _, write := range []func() error{
		func() error { return nil },
		func() error { _, err := repo.Mutate(ctx, "u", func(*after) error { return nil }); return err },
		func() error { return repo.UpdateField(ctx, "u", "phone", "555") },
		func() error { _, err := repo.IncrementField(ctx, "u", "count", 0); return err },
		func() error { return repo.Upsert(ctx, "u", after{"555", 7}) },
	} {
		require.NoError(t, old.Replace(ctx, "u", before{"555", 7}))
		require.NoError(t, write())
		for range 2 {
			got, err := repo.Get(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, after{"555", 7}, got)
			_, err = repo.Mutate(ctx, "u", func(*after) error { return nil })
			require.NoError(t, err)
		}
		require.Len(t, pooltest.Hash(t, p, pool.User, prefix+"u"), 2)
	}
}

// What cannot be sealed is refused by the constructor, or by a call before
// anything is sent, with the field and the remedy.
func TestSealedRefusals(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	s, err := keyspace.Default().User.Bind("acme")
	require.NoError(t, err)
	ring := pooltest.KeyRing(t, "k")
	sealed := hashrepo.Codec(codec.Sealed(codec.Compact, ring))
	refuse := func(err error, want error, texts ...string) {
		t.Helper()
		require.ErrorIs(t, err, want)
		for _, text := range texts {
			require.ErrorContains(t, err, text)
		}
	}
	_, err = hashrepo.New[struct {
		A string `redis:"a,index"`
	}](p, pool.User, s, sealed)
	refuse(err, hashrepo.ErrInvalidSchema, "A: codec.Sealed seals all fields", "set the option sealed")
	_, err = hashrepo.New[struct {
		A string `redis:"a,unique,sealed"`
	}](p, pool.User, s, sealed)
	refuse(err, hashrepo.ErrInvalidSchema, "A: a sealed field cannot have an index")
	_, err = hashrepo.New[struct {
		A string `redis:"a,sealed"`
		V int64  `redis:"v,version,sealed"`
	}](p, pool.User, s, sealed)
	refuse(err, hashrepo.ErrInvalidSchema, "V: a version field cannot be sealed")
	_, err = hashrepo.New[struct {
		A string `redis:"a,sealed"`
	}](p, pool.User, s)
	refuse(err, hashrepo.ErrInvalidSchema, "A: the option sealed needs a codec that seals")
	_, err = hashrepo.New[struct {
		A struct {
			B string `redis:"b,sealed"`
		} `redis:"a"`
	}](p, pool.User, s, sealed)
	refuse(err, hashrepo.ErrInvalidSchema, "B: the tag option sealed is only for fields of the record")
	for _, c := range []codec.Codec{codec.Sealed(nil, ring), codec.Sealed(codec.Compact, nil), codec.Sealed(codec.Sealed(codec.Compact, ring), ring)} {
		_, err = hashrepo.New[patient](p, pool.User, s, hashrepo.Codec(c))
		refuse(err, hashrepo.ErrInvalidArgument, "codec.Sealed")
	}

	repo, _ := newRepo[patient](t, p, sealed)
	name := hashrepo.FieldOf(func(p *patient) *string { return &p.Name })
	for _, call := range []func() error{
		func() error { _, err := repo.FindOne(ctx, name.Eq("Ada")); return err },
		func() error { _, err := repo.FindByField(ctx, "name", "Ada"); return err },
		func() error { _, err := repo.Count(ctx, name.AtLeast("A")); return err },
		func() error {
			_, err := repo.Page(ctx, hashrepo.Query[patient]{Order: name.Asc(), Limit: 1})
			return err
		},
	} {
		pooltest.RequireNothingSent(t, p, hashrepo.ErrUnsupported, call)
		require.ErrorContains(t, call(), `"name"`)
	}
}

// A forgotten key ends reads and writes of repositories that exist, and nothing
// is sent by the writes.
func TestForgottenKey(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	ring := codec.NewTenantKeys()
	tenant := pooltest.UniqueTenant()
	s, err := keyspace.Default().User.Bind(tenant)
	require.NoError(t, err)
	repo, err := hashrepo.New[patient](p, pool.User, s, hashrepo.Codec(codec.Sealed(codec.Compact, ring)))
	require.NoError(t, err)
	pooltest.RequireNothingSent(t, p, codec.ErrUnknownKey, func() error { return repo.Upsert(ctx, "u", newPatient()) })
	require.NoError(t, ring.Set(tenant, "1", map[string][]byte{"1": masterKey(1)}))
	require.NoError(t, repo.Upsert(ctx, "u", newPatient()))
	require.NoError(t, repo.Update(ctx, "u", hashrepo.At[patient]("name").Set("x")))
	ring.Forget(tenant)
	_, err = repo.Get(ctx, "u")
	require.ErrorIs(t, err, codec.ErrKeyForgotten)
	require.ErrorContains(t, err, fmt.Sprintf("%q", tenant))
	pooltest.RequireNothingSent(t, p, codec.ErrKeyForgotten, func() error { return repo.Upsert(ctx, "u", newPatient()) })
	pooltest.RequireNothingSent(t, p, codec.ErrKeyForgotten, func() error { return repo.UpdateField(ctx, "u", "name", "y") })
	n, err := repo.Delete(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
}

// MaxValueBytes limits what is stored, with the nonce and the tag.
func TestSealedSize(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{MaxValueBytes: 100})
	repo, _ := newRepo[map[string]string](t, p, hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k"))))
	largest := strings.Repeat("x", 100-36)
	require.NoError(t, repo.Upsert(ctx, "u", map[string]string{"a": largest}))
	for _, call := range []func() error{
		func() error { return repo.Upsert(ctx, "u", map[string]string{"a": largest + "x"}) },
		func() error { return repo.UpdateField(ctx, "u", "a", largest+"x") },
	} {
		pooltest.RequireNothingSent(t, p, hashrepo.ErrTooLarge, call)
	}
	_, err := repo.Mutate(ctx, "u", func(m *map[string]string) error { (*m)["a"] += "x"; return nil })
	require.ErrorIs(t, err, hashrepo.ErrTooLarge)
}

// Concurrent additions to a sealed field are all counted.
func TestSealedAdditionsAreAtomic(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[patient](t, p, hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k"))))
	var wg sync.WaitGroup
	failed := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if _, err := repo.IncrementField(ctx, "u", "visits", 1); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	require.NoError(t, errors.Join(<-failed))
	got, err := repo.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, int64(80), got.Visits)
}

// A cached read returns the value, and the cache is not shared with a
// repository that has other keys.
func TestSealedAndCached(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[patient](t, p, hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k"))), hashrepo.Cached(time.Minute))
	require.NoError(t, repo.Upsert(ctx, "u", newPatient()))
	for range 3 {
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, "Ada", got.Name)
	}
	stranger := repo.With(hashrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "n"))))
	_, err := stranger.Get(ctx, "u")
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	_, err = stranger.GetMany(ctx, "u")
	require.ErrorIs(t, err, codec.ErrUnknownKey)
}

// While a repository is migrated, plain values are read beside sealed ones, and
// writes seal.
func TestSealedOrPlain(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	ring := pooltest.KeyRing(t, "k")
	repo, prefix := newRepo[patient](t, p)
	require.NoError(t, repo.Upsert(ctx, "u", newPatient()))
	migrating := repo.With(hashrepo.Codec(codec.SealedOrPlain(codec.Compact, ring)))
	require.NoError(t, migrating.UpdateField(ctx, "u", "name", "B."))
	_, err := migrating.IncrementField(ctx, "u", "visits", 1)
	require.NoError(t, err)
	got, err := migrating.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, "B.", got.Name)
	require.Equal(t, int64(4), got.Visits)
	stored := pooltest.Hash(t, p, pool.User, prefix+"u")
	requireSealed(t, map[string]string{"name": stored["name"], "visits": stored["visits"]})
	require.Equal(t, "078-05-1120", stored["ssn"])
	_, err = repo.With(hashrepo.Codec(codec.Sealed(codec.Compact, ring))).Get(ctx, "u")
	require.ErrorIs(t, err, codec.ErrNotSealed)
}

// Describe says which fields are sealed.
func TestDescribeSealed(t *testing.T) {
	schema, err := hashrepo.Describe[member](hashrepo.Codec(codec.Sealed(codec.JSON, pooltest.KeyRing(t, "k"))))
	require.NoError(t, err)
	require.Equal(t, "sealed-json", schema.Codec)
	var sealed []string
	for _, f := range schema.Fields {
		if f.Sealed {
			sealed = append(sealed, f.Name)
		}
	}
	require.Equal(t, []string{"ssn", "phone"}, sealed)
	_, err = hashrepo.NewChecker(schema)
	require.ErrorIs(t, err, hashrepo.ErrUnsupported)
	_, err = hashrepo.Describe[member](hashrepo.Codec(codec.Sealed(nil, nil)))
	require.ErrorIs(t, err, hashrepo.ErrInvalidArgument)
}
