package hashrepo

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

type ranked struct {
	Name string `redis:"name,index"`
	Rank int64  `redis:"rank,index"`
}

// A token that no page returned is refused. So is one whose signature was
// computed for a place of one's own, or its page is one of this space: the
// signature finds mistakes and keeps no secret.
func FuzzToken(f *testing.F) {
	p := pooltest.Embedded(f)
	space, err := keyspace.MustCompile("{tenant}:user:{id}").Bind("acme")
	require.NoError(f, err)
	r, err := New[ranked](p, pool.User, space)
	require.NoError(f, err)
	ids := map[string]bool{}
	for i := range 5 {
		id := fmt.Sprint(i)
		ids[id] = true
		require.NoError(f, r.Upsert(context.Background(), id, ranked{fmt.Sprint("n", i), int64(i % 2)}))
	}
	for _, err := range r.Reindex(context.Background()) {
		require.NoError(f, err)
	}
	rank := FieldOf(func(v *ranked) *int64 { return &v.Rank })
	queries := []Query[ranked]{{Limit: 2}, {Limit: 2, Order: rank.Asc()}, {Limit: 2, Order: rank.Desc()}, {Limit: 2, Where: []Cond[ranked]{rank.In(0, 1)}}}
	for _, q := range queries {
		page, err := r.Page(context.Background(), q)
		require.NoError(f, err)
		data, err := base64.RawURLEncoding.DecodeString(page.Next)
		require.NoError(f, err)
		f.Add(page.Next, data[signatureBytes:])
	}
	for _, place := range []string{"", "\x00", "\xff", "+", "-", "(", "[a", "0", ":", "a:b", "1 2", string(make([]byte, 1000))} {
		f.Add(place, []byte(place))
	}
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, signatureBytes+1)), []byte("x"))
	f.Fuzz(func(t *testing.T, token string, place []byte) {
		for i, q := range queries {
			q.After = token
			if compiled, err := compileQuery(r.core, q); err == nil && token != "" {
				data, err := base64.RawURLEncoding.DecodeString(token)
				require.NoError(t, err)
				require.Equal(t, r.core.signature(compiled, compiled.after), data[:signatureBytes], "a token that no page returned")
			}
			q.After = ""
			compiled, err := compileQuery(r.core, q)
			require.NoError(t, err)
			for _, after := range []string{token, r.core.token(compiled, string(place))} {
				q.After = after
				page, err := r.Page(context.Background(), q)
				if err != nil {
					require.ErrorIs(t, err, fault.ErrInvalidPage, "query %d", i)
					continue
				}
				for _, record := range page.Records {
					require.True(t, ids[record.ID], record.ID)
				}
			}
		}
	})
}
