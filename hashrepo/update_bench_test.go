package hashrepo_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/ratiotest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkUpdate compares an Update of three fields with HSET alone, which
// sets no lifetime and adds nothing: once with the same three fields, once with
// the whole record.
func BenchmarkUpdate(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	repo, key := newRepo[TwelveFields](b, p)
	client, err := p.Client(pool.User)
	require.NoError(b, err)
	require.NoError(b, repo.Upsert(ctx, "u", twelveFields))

	city := hashrepo.FieldOf(func(t *TwelveFields) *string { return &t.City })
	score := hashrepo.NumberOf(func(t *TwelveFields) *int64 { return &t.Score })
	updated := hashrepo.FieldOf(func(t *TwelveFields) *time.Time { return &t.Updated })
	set := func() error {
		return repo.Update(ctx, "u", city.Set("Cali"), score.Set(7), updated.Set(twelveFields.Updated))
	}
	add := func() error {
		return repo.Update(ctx, "u", city.Set("Cali"), score.Add(7), updated.Set(twelveFields.Updated))
	}
	hset := func() error {
		cmd := client.B().Hset().Key(key+"u").FieldValue().FieldValue("city", "Cali").FieldValue("score", "7").
			FieldValue("updated", twelveFields.Updated.Format(time.RFC3339Nano)).Build()
		return client.Do(ctx, cmd).Error()
	}
	fields := pooltest.Hash(b, p, pool.User, key+"u")
	whole := func() error {
		cmd := client.B().Hset().Key(key + "u").FieldValue().FieldValueIter(maps.All(fields)).Build()
		return client.Do(ctx, cmd).Error()
	}
	b.Run("set/three/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, set, hset) })
	b.Run("add/three/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, add, hset) })
	b.Run("set/twelveFields/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, set, whole) })
	b.Run("add/twelveFields/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, add, whole) })
}
