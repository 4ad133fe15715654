package hashrepo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// foreignIndexTexts are entries of the keys of a list and its indexes that the
// library did not write.
var foreignIndexTexts = []string{
	"", "x", ":", "5", "-1:x", "1e3:x", "3:ab", "0:", "1:", "5:n-agex", "9:5:n-age9:1", "9:5:n-age-1:", "0:0:", "0:0:%ids", "0x3:abc", " 1:a",
	strings.Repeat("9", 400) + ":x", "18446744073709551616:x", "\x00", "1\x00", strings.Repeat("1:", 2000),
}

// Whatever another program wrote into the keys of the list and the indexes,
// every record can be written, found by what it holds, and removed. Reindex and
// Sweep restore the keys.
func TestForeignEntriesOfIndexes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		age := hashrepo.NumberOf(func(v *Patron) *int { return &v.Age })
		for _, text := range foreignIndexTexts {
			r, s, prefix := patrons(t, p)
			prefix = p.Prefix(pool.User) + prefix
			for i := range 5 {
				require.NoError(t, r.Upsert(ctx, fmt.Sprint(i), Patron{Email: fmt.Sprint(i), Age: i, Tags: []string{"a", fmt.Sprint(i)}}))
			}
			reindex(t, r)
			do := func(args ...string) { require.NoError(t, pooltest.Do(t, p, pool.User, args...).Error(), "%q", args) }
			for i := range 5 {
				do("HSET", keyspace.Beside("entries", prefix), fmt.Sprint(i), text)
			}
			do("HSET", keyspace.Beside("entries", prefix), text, text)
			do("ZADD", keyspace.Beside("index", prefix)+":n-age", "0", text)
			do("ZADD", keyspace.Beside("checks", prefix), "0", text)
			spaces := keyspace.Beside("spaces", strings.TrimSuffix(prefix, ":patron:"))
			do("ZADD", spaces, "-inf", text)

			require.NoError(t, r.Upsert(ctx, "0", Patron{Email: "0", Age: 10}), "%q", text)
			require.NoError(t, r.Update(ctx, "1", age.Add(10)), "%q", text)
			_, err := r.Delete(ctx, "2")
			require.NoError(t, err, "%q", text)
			for rec, err := range r.Find(ctx, age.AtLeast(0)) {
				require.NoError(t, err, "%q", text)
				require.Contains(t, []int{10, 11, 3, 4}, rec.Value.Age, "%q", text)
			}
			_, err = r.Page(ctx, hashrepo.Query[Patron]{Order: age.Desc(), Limit: 3})
			require.NoError(t, err, "%q", text)
			_, err = r.Sweep(ctx)
			require.NoError(t, err, "%q", text)
			reindex(t, r)
			_, err = r.Sweep(ctx)
			require.NoError(t, err, "%q", text)
			requireIndexes[Patron](t, p, s, codec.Compact, text)
			found := map[string]int{}
			for rec, err := range r.Find(ctx, age.AtLeast(0)) {
				require.NoError(t, err, "%q", text)
				found[rec.ID] = rec.Value.Age
			}
			require.Equal(t, map[string]int{"0": 10, "1": 11, "3": 3, "4": 4}, found, "%q", text)
		}
	})
}
