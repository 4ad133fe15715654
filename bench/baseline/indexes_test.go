//go:build !race

package baseline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
)

// indexed is record with two indexes.
type indexed struct {
	Name    string    `redis:"name"`
	Email   string    `redis:"email,unique"`
	Bio     string    `redis:"bio"`
	Score   int64     `redis:"score"`
	Ratio   float64   `redis:"ratio"`
	Active  bool      `redis:"active"`
	Tags    []string  `redis:"tags"`
	Created time.Time `redis:"created,index"`
}

var (
	indexedEmail   = hashrepo.FieldOf(func(r *indexed) *string { return &r.Email })
	indexedScore   = hashrepo.NumberOf(func(r *indexed) *int64 { return &r.Score })
	indexedCreated = hashrepo.FieldOf(func(r *indexed) *time.Time { return &r.Created })
)

// newIndexed returns the repository of indexed records, with 100 of them.
func (b *bed) newIndexed(t *testing.T, pools *pool.Pools) *symphony.User[indexed] {
	t.Helper()
	repo, err := symphony.NewUser[indexed](pools, "indexed")
	require.NoError(t, err)
	for i, r := range b.hundred() {
		r.Value.Created = r.Value.Created.Add(time.Duration(i) * time.Second)
		require.NoError(t, repo.Upsert(t.Context(), r.ID, indexed(r.Value)))
	}
	for _, err := range repo.Reindex(t.Context()) {
		require.NoError(t, err)
	}
	return repo
}

// indexes are the operations on indexed records.
func (b *bed) indexes() []operation {
	serial := 0
	fresh := func() indexed {
		serial++
		r := indexed(sample)
		r.Email, r.Created = fmt.Sprintf("bob%06d@example.com", serial), r.Created.Add(time.Duration(serial))
		return r
	}
	same := fresh()
	return []operation{
		{"User.Upsert, two indexes", 1, func(ctx context.Context) error { return b.indexed.Upsert(ctx, "same", same) }},
		{"User.Upsert, two indexes, new values", 1, func(ctx context.Context) error { return b.indexed.Upsert(ctx, "w", fresh()) }},
		{"User.Update, an indexed field", 1, func(ctx context.Context) error {
			return b.indexed.Update(ctx, "w", indexedEmail.Set(fresh().Email))
		}},
		{"User.Update, another field", 1, func(ctx context.Context) error { return b.indexed.Update(ctx, "w", indexedScore.Set(1)) }},
		{"User.Upsert and Delete, two indexes", 1, func(ctx context.Context) error {
			if err := b.indexed.Upsert(ctx, "gone", fresh()); err != nil {
				return err
			}
			_, err := b.indexed.Delete(ctx, "gone")
			return err
		}},
		{"User.FindOne, unique", 1, func(ctx context.Context) error {
			_, err := b.indexed.FindOne(ctx, indexedEmail.Eq("alice7@example.com"))
			return err
		}},
		{"User.Find of 20 in a range", 20, func(ctx context.Context) error {
			n := 0
			for _, err := range b.indexed.Find(ctx, indexedCreated.Between(sample.Created.Add(10*time.Second), sample.Created.Add(30*time.Second))) {
				if err != nil {
					return err
				}
				n++
			}
			return exactly(n, 20)
		}},
		{"User.Page of 20 in order", 20, func(ctx context.Context) error {
			page, err := b.indexed.Page(ctx, hashrepo.Query[indexed]{Order: indexedCreated.Asc(), Limit: 20})
			if err != nil {
				return err
			}
			return exactly(len(page.Records), 20)
		}},
		{"User.Count in a range", 1, func(ctx context.Context) error {
			n, err := b.indexed.Count(ctx, indexedCreated.Between(sample.Created.Add(10*time.Second), sample.Created.Add(30*time.Second)))
			if err != nil {
				return err
			}
			return exactly(int(n), 20)
		}},
		{"User.Count", 1, func(ctx context.Context) error { _, err := b.indexed.Count(ctx); return err }},
	}
}

func exactly(got, want int) error {
	if got != want {
		return fmt.Errorf("%d records, expected %d", got, want)
	}
	return nil
}
