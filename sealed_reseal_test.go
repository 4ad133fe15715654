package symphony_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

func sealedWith(t testing.TB, ids ...string) symphony.Option {
	return symphony.Codec(codec.Sealed(codec.Compact, pooltest.KeyRing(t, ids...)))
}

// runReseal returns the last progress, and the errors.
func runReseal(walk iter.Seq2[codec.Resealed, error]) (last codec.Resealed, errs []error) {
	for progress, err := range walk {
		last = progress
		if err != nil {
			errs = append(errs, err)
		}
	}
	return last, errs
}

type chart struct {
	Phone   string            `redis:"phone,was=tel"`
	Note    string            `redis:"note"`
	Version int64             `redis:",version"`
	Rest    map[string]string `redis:",extra"`
}

type oldChart struct {
	Tel     string `redis:"tel"`
	Note    string `redis:"note"`
	Version int64  `redis:",version"`
}

// After Reseal, the old key can be removed. Values, versions and lifetimes stay
// as they were, and a second Reseal has nothing to do.
func TestResealRotatesKeys(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		charts, err := symphony.NewUser[chart](p, tenant, sealedWith(t, "a"))
		require.NoError(t, err)
		old, err := symphony.NewUser[oldChart](p, tenant, sealedWith(t, "a"), symphony.NoTTL())
		require.NoError(t, err)
		require.NoError(t, charts.With(symphony.TTL(time.Hour)).Upsert(ctx, "1", chart{Phone: "555", Note: "x", Rest: map[string]string{"r": "y"}}))
		require.NoError(t, old.Upsert(ctx, "2", oldChart{Tel: "556", Note: "z"}))

		rotating, err := symphony.NewUser[chart](p, tenant, sealedWith(t, "b", "a"))
		require.NoError(t, err)
		done, errs := runReseal(rotating.Reseal(ctx))
		require.Empty(t, errs)
		require.Equal(t, codec.Resealed{Seen: 2, Resealed: 2}, done)
		done, errs = runReseal(rotating.Reseal(ctx))
		require.Empty(t, errs)
		require.Equal(t, codec.Resealed{Seen: 2}, done)

		rotated, err := symphony.NewUser[chart](p, tenant, sealedWith(t, "b"))
		require.NoError(t, err)
		got, err := rotated.Get(ctx, "1")
		require.NoError(t, err)
		require.Equal(t, chart{"555", "x", 1, map[string]string{"r": "y"}}, got)
		ttl, err := rotated.TTL(ctx, "1")
		require.NoError(t, err)
		require.LessOrEqual(t, ttl, time.Hour)
		got, err = rotated.Get(ctx, "2")
		require.NoError(t, err)
		require.Equal(t, "556", got.Phone)
		require.Equal(t, int64(1), got.Version)
		ttl, err = rotated.TTL(ctx, "2")
		require.NoError(t, err)
		require.Equal(t, hashrepo.NoExpiry, ttl)
		_, err = charts.Get(ctx, "1")
		require.ErrorIs(t, err, codec.ErrUnknownKey)

		shared, err := symphony.NewSharedState(p, tenant, "u", sealedWith(t, "a"))
		require.NoError(t, err)
		require.NoError(t, shared.Upsert(ctx, "form", symphony.Fields{"n": 12, "text": "x"}))
		done, errs = runReseal(shared.With(sealedWith(t, "b", "a")).Reseal(ctx))
		require.Empty(t, errs)
		require.Equal(t, codec.Resealed{Seen: 1, Resealed: 1}, done)
		form, err := shared.With(sealedWith(t, "b")).Get(ctx, "form")
		require.NoError(t, err)
		plain, err := form.Map()
		require.NoError(t, err)
		require.Equal(t, map[string]any{"n": int64(12), "text": "x"}, plain)

		values, err := symphony.NewGeneric[string](p, tenant, sealedWith(t, "a"), symphony.TTL(time.Hour))
		require.NoError(t, err)
		require.NoError(t, values.Set(ctx, "k", "v"))
		done, errs = runReseal(values.With(sealedWith(t, "b", "a"), symphony.NoTTL()).Reseal(ctx))
		require.Empty(t, errs)
		require.Equal(t, codec.Resealed{Seen: 1, Resealed: 1}, done)
		text, err := values.With(sealedWith(t, "b")).Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "v", text)
		ttl, err = values.TTL(ctx, "k")
		require.NoError(t, err)
		require.Positive(t, ttl)
	})
}

// Reseal migrates a repository that was not sealed, if SealedOrPlain allows it.
// A value that does not open is reported, and the others are sealed.
func TestResealSealsPlainValues(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	plain, err := symphony.NewUser[chart](p, "acme")
	require.NoError(t, err)
	for _, id := range []string{"1", "2", "3"} {
		require.NoError(t, plain.Upsert(ctx, id, chart{Phone: secret, Note: secret}))
	}
	strict := &symphony.User[chart]{HashRepo: plain.HashRepo.With(sealedWith(t, "a"))}
	done, errs := runReseal(strict.Reseal(ctx))
	require.Len(t, errs, 3)
	require.ErrorIs(t, errs[0], codec.ErrNotSealed)
	require.ErrorContains(t, errs[0], `"note"`)
	require.Equal(t, codec.Resealed{Seen: 3}, done)

	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", "acme:user:2", "note", "\xc1seal\x01\x01a"+strings.Repeat("x", 40)).Error())
	migrating := plain.With(symphony.Codec(codec.SealedOrPlain(codec.Compact, pooltest.KeyRing(t, "a"))))
	done, errs = runReseal(migrating.Reseal(ctx))
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], codec.ErrCannotOpen)
	require.ErrorContains(t, errs[0], "acme:user:2")
	require.Equal(t, int64(3), done.Seen)
	requireNoSecret(t, p, pool.User)
	got, err := strict.Get(ctx, "1")
	require.NoError(t, err)
	require.Equal(t, secret, got.Note)

	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "k", secret))
	_, errs = runReseal(values.With(sealedWith(t, "a")).Reseal(ctx))
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], codec.ErrNotSealed)
	_, errs = runReseal(values.With(symphony.Codec(codec.SealedOrPlain(codec.Compact, pooltest.KeyRing(t, "a")))).Reseal(ctx))
	require.Empty(t, errs)
	requireNoSecret(t, p, pool.Default)

	_, errs = runReseal(plain.Reseal(ctx))
	require.ErrorIs(t, errs[0], symphony.ErrUnsupported)
	_, errs = runReseal(values.Reseal(ctx))
	require.ErrorIs(t, errs[0], symphony.ErrUnsupported)
	forgotten := symphony.Codec(codec.Sealed(codec.Compact, codec.NewTenantKeys()))
	pooltest.RequireNothingSent(t, p, codec.ErrUnknownKey, func() error { _, errs := runReseal(plain.With(forgotten).Reseal(ctx)); return errs[0] })
}

// No write is lost while Reseal runs.
func TestResealWhileOthersWrite(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	rings := [][]string{{"a", "b"}, {"b", "a"}}
	repo := func(ids []string) *symphony.User[counted] {
		users, err := symphony.NewUser[counted](p, "acme", sealedWith(t, ids...))
		require.NoError(t, err)
		return users
	}
	running, stop := context.WithCancel(ctx)
	var resealing sync.WaitGroup
	for i := range 2 {
		resealing.Go(func() {
			users := repo(rings[i])
			for running.Err() == nil {
				for _, err := range users.Reseal(ctx) {
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	var writing sync.WaitGroup
	for i := range 4 {
		writing.Go(func() {
			users := repo(rings[i%2])
			for range 50 {
				if _, err := users.IncrementField(ctx, "u", "n", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	resealing.Wait()
	got, err := repo(rings[0]).Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, counted{200}, got)
}

type counted struct {
	N int64 `redis:"n"`
}
