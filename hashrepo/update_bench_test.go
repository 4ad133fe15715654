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

// BenchmarkUpdate compares an Update of three fields with a bare HSET, which
// has no lifetime, no condition and adds nothing: of the same three texts, and
// of the whole record.
func BenchmarkUpdate(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	repo, key := newRepo[Twelve](b, p)
	client, err := p.Client(pool.User)
	require.NoError(b, err)
	require.NoError(b, repo.Upsert(ctx, "u", twelve))

	city := hashrepo.FieldOf(func(t *Twelve) *string { return &t.City })
	score := hashrepo.NumberOf(func(t *Twelve) *int64 { return &t.Score })
	updated := hashrepo.FieldOf(func(t *Twelve) *time.Time { return &t.Updated })
	set := func() error {
		return repo.Update(ctx, "u", city.Set("Cali"), score.Set(7), updated.Set(twelve.Updated))
	}
	add := func() error {
		return repo.Update(ctx, "u", city.Set("Cali"), score.Add(7), updated.Set(twelve.Updated))
	}
	hset := func() error {
		cmd := client.B().Hset().Key(key+"u").FieldValue().FieldValue("city", "Cali").FieldValue("score", "7").
			FieldValue("updated", twelve.Updated.Format(time.RFC3339Nano)).Build()
		return client.Do(ctx, cmd).Error()
	}
	fields := pooltest.Hash(b, p, pool.User, key+"u")
	whole := func() error {
		cmd := client.B().Hset().Key(key + "u").FieldValue().FieldValueIter(maps.All(fields)).Build()
		return client.Do(ctx, cmd).Error()
	}
	b.Run("set/three/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, set, hset) })
	b.Run("add/three/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, add, hset) })
	b.Run("set/twelve/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, set, whole) })
	b.Run("add/twelve/callers=64", func(b *testing.B) { ratiotest.Compare(b, 64, add, whole) })
}
