package hashrepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// DeleteAll removes the records of a space and its list and indexes, and
// nothing of another space, whether the list is complete or not.
func TestDeleteAllListed(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, complete := range []bool{false, true} {
			r, s, prefix := patrons(t, p)
			other, otherSpace := neighbor(t, p, s)
			require.NoError(t, other.Upsert(ctx, "1", Patron{Email: "e"}))
			writeForeign(t, p, prefix, 450)
			writeMany(t, r, 1000)
			if complete {
				reindex(t, r)
			}
			pooltest.Do(t, p, pool.User, "SET", prefix+"text", "x")
			pooltest.Do(t, p, pool.User, "DEL", prefix+"5")
			n, err := r.With(hashrepo.IfExists(), hashrepo.KeepTTL(), hashrepo.Cached(time.Minute)).DeleteAll(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 1449, n)
			if !complete { // the id of the record that another program deleted
				_, err := r.Sweep(ctx)
				require.NoError(t, err)
			}
			require.Equal(t, 1, countKeys(t, p, prefix), "the text")
			exists, err := other.Exists(ctx, "1")
			require.NoError(t, err)
			require.True(t, exists)
			otherPrefix, _ := otherSpace.Parts()
			require.Equal(t, 6, countKeys(t, p, otherPrefix), "the record, %ids, %checks, %entries and two indexes")
			n, err = r.DeleteAll(ctx)
			require.NoError(t, err)
			require.Zero(t, n)
		}
	})
}

// With a complete list, DeleteAll does not scan the database.
func TestDeleteAllWalksTheList(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	r, _, _ := patrons(t, p)
	reindex(t, r)
	writeMany(t, r, 1000)
	n, err := r.DeleteAll(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1000, n)
	writeMany(t, r, 1000)
	before := p.Stats()[pool.User].Commands
	n, err = r.DeleteAll(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1000, n)
	require.EqualValues(t, 6, p.Stats()[pool.User].Commands-before, "five pages of 200 ids, and an empty one")
}

// A cached record is not read again after DeleteAll.
func TestDeleteAllForgetsCachedRecords(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	r, _, _ := patrons(t, p, hashrepo.Cached(time.Minute))
	reindex(t, r)
	for range 100 {
		require.NoError(t, r.Upsert(ctx, "1", Patron{Email: "e"}))
		_, err := r.Get(ctx, "1")
		require.NoError(t, err)
		n, err := r.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		_, err = r.Get(ctx, "1")
		require.ErrorIs(t, err, hashrepo.ErrNotFound)
	}
}
