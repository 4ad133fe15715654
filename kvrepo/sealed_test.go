package kvrepo_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

func requireSealed(t *testing.T, p *pool.Pools, key, plain string) {
	t.Helper()
	text, err := pooltest.Do(t, p, pool.Default, "GET", key).ToString()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "\xc1seal\x01"), "%q", text)
	require.NotContains(t, text, plain)
}

// Every write seals, and every read opens.
func TestSealedValues(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
			repo, prefix := newRepo[string](t, p, kvrepo.Codec(codec.Sealed(c, pooltest.KeyRing(t, "k"))))
			require.NoError(t, repo.Set(ctx, "a", "secret"))
			requireSealed(t, p, prefix+"a", "secret")
			previous, _, err := repo.With(kvrepo.KeepTTL()).Swap(ctx, "a", "secret2")
			require.NoError(t, err)
			require.Equal(t, "secret", previous)
			requireSealed(t, p, prefix+"a", "secret")
			mutated, err := repo.Mutate(ctx, "a", func(s *string) error { *s += "3"; return nil })
			require.NoError(t, err)
			require.Equal(t, "secret23", mutated)
			requireSealed(t, p, prefix+"a", "secret")
			before, err := pooltest.Do(t, p, pool.Default, "GET", prefix+"a").ToString()
			require.NoError(t, err)
			_, err = repo.Mutate(ctx, "a", func(*string) error { return nil })
			require.NoError(t, err)
			after, err := pooltest.Do(t, p, pool.Default, "GET", prefix+"a").ToString()
			require.NoError(t, err)
			require.Equal(t, before, after, "Mutate without a change keeps the bytes")
			require.NoError(t, repo.SetMany(ctx, record("b", "secret4"), record("c", "secret5")))
			requireSealed(t, p, prefix+"c", "secret")
			many, err := repo.GetMany(ctx, "a", "b", "c", "d")
			require.NoError(t, err)
			require.Equal(t, []kvrepo.Record[string]{record("a", "secret23"), record("b", "secret4"), record("c", "secret5")}, many)
			loaded, err := repo.GetOrLoad(ctx, "e", func(context.Context) (string, error) { return "secret6", nil })
			require.NoError(t, err)
			require.Equal(t, "secret6", loaded)
			requireSealed(t, p, prefix+"e", "secret")
		}
	})
}

// A value opens neither under another key nor in another tenant, and a view of
// another tenant has the keys of that tenant.
func TestSealedValuesAreBound(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, prefix := newRepo[string](t, p, kvrepo.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, "k"))), kvrepo.Cached(time.Minute))
	require.NoError(t, repo.Set(ctx, "a", "secret"))
	tenant := pooltest.UniqueTenant()
	s, err := keys.Bind(tenant)
	require.NoError(t, err)
	for repo, to := range map[*kvrepo.KVRepo[string]]string{repo: prefix + "b", repo.In(s): tenant + ":b"} {
		require.NoError(t, pooltest.Do(t, p, pool.Default, "COPY", prefix+"a", to).Error())
		_, err = repo.Get(ctx, "b")
		require.ErrorIs(t, err, codec.ErrCannotOpen)
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		require.NoError(t, repo.Set(ctx, "b", "own"))
		got, err := repo.Get(ctx, "b")
		require.NoError(t, err)
		require.Equal(t, "own", got)
	}
	require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", prefix+"c", "plain").Error())
	_, err = repo.Get(ctx, "c")
	require.ErrorIs(t, err, codec.ErrNotSealed)
	got, err := repo.With(kvrepo.Codec(codec.SealedOrPlain(codec.Compact, pooltest.KeyRing(t, "k")))).Get(ctx, "c")
	require.NoError(t, err)
	require.Equal(t, "plain", got)
}

// A pattern without a tenant has the keys of the tenant "".
func TestSealedValuesWithoutTenant(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	s, err := keyspace.MustCompile("settings:{name}").Bind()
	require.NoError(t, err)
	ring := codec.NewTenantKeys()
	require.NoError(t, ring.Set("", "1", map[string][]byte{"1": bytes.Repeat([]byte{1}, 32)}))
	repo, err := kvrepo.New[string](p, pool.Default, s, kvrepo.Codec(codec.Sealed(codec.Compact, ring)))
	require.NoError(t, err)
	require.NoError(t, repo.Set(ctx, "a", "secret"))
	got, err := repo.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "secret", got)
}
