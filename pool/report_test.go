package pool_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A Report describes the server once for all aliases, counts the kinds of
// records, and finds kinds with and without a lifetime.
func TestReport(t *testing.T) {
	server := redistest.Server(t, "maxmemory-policy allkeys-lru", "maxmemory 100mb", "appendonly yes")
	p, err := pool.Open(t.Context(), pool.Config{URL: server.URL()})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	users, err := p.Client(pool.User)
	require.NoError(t, err)
	handlers, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	for i := range 30 {
		mustDo(t, users, "HSET", fmt.Sprintf("acme:user:%d", i), "name", "Al")
		mustDo(t, handlers, "HSET", fmt.Sprintf("acme:state:chat:%d", i), "step", "1")
		mustDo(t, handlers, "EXPIRE", fmt.Sprintf("acme:state:chat:%d", i), "100")
	}
	mustDo(t, users, "EXPIRE", "acme:user:7", "100")
	mustDo(t, users, "SET", "another", "key")

	r, err := p.Report(t.Context())
	require.NoError(t, err)
	require.Len(t, r.Servers, 1)
	s := r.Servers[0]
	require.Equal(t, server.Addr(), s.Addr)
	require.ElementsMatch(t, p.Aliases(), s.Aliases)
	require.Regexp(t, `^\d+\.\d+\.\d+$`, s.Version)
	require.False(t, s.Replica)
	require.Positive(t, s.UsedMemory)
	require.EqualValues(t, 100<<20, s.MaxMemory)
	require.Equal(t, "allkeys-lru", s.Eviction)
	require.True(t, s.AppendOnly)
	require.Equal(t, map[int]pool.DatabaseReport{10: {Keys: 30, Expiring: 30}, 11: {Keys: 31, Expiring: 1}}, s.Databases)
	require.Len(t, r.Kinds, 2)
	state, user := r.Kinds[0], r.Kinds[1]
	require.Equal(t, []any{pool.Handlers, "State", keyspace.Default().State.String(), 30, 0},
		[]any{state.Alias, state.Kind, state.Pattern, state.Sampled, state.Permanent})
	require.Equal(t, []any{pool.User, "User", keyspace.Default().User.String(), 30, 29},
		[]any{user.Alias, user.Kind, user.Pattern, user.Sampled, user.Permanent})
	require.Len(t, r.Findings, 2)
	require.Contains(t, r.Findings[0], "maxmemory-policy allkeys-lru")
	require.Contains(t, r.Findings[1], "of 30 records acme:user:{id} of the pool user, 1 expire and 29 do not")
}

// A tenant whose records do not expire, beside one whose records do, is no
// mistake, and neither is such a table beside another.
func TestReportOfLifetimes(t *testing.T) {
	p, err := pool.Open(t.Context(), pool.Config{URL: redistest.Server(t).URL()})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	handlers, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	add := func(key string, expires bool) {
		mustDo(t, handlers, "HSET", key, "name", "Al")
		if expires {
			mustDo(t, handlers, "EXPIRE", key, "100")
		}
	}
	for i := range 10 {
		add(fmt.Sprintf("acme:df:orders:pkid:%d", i), true)
		add(fmt.Sprintf("acme:df:plans:pkid:%d", i), false)
		add(fmt.Sprintf("globex:df:orders:pkid:%d", i), false)
	}
	lifetimes := func() (about []string) {
		r, err := p.Report(t.Context())
		require.NoError(t, err)
		for _, f := range r.Findings {
			if strings.Contains(f, "expire") {
				about = append(about, f)
			}
		}
		return about
	}
	require.Empty(t, lifetimes())

	for i := range 5 {
		tenant := fmt.Sprintf("t%d", i)
		add(tenant+":df:orders:pkid:1", true)
		add(tenant+":df:orders:pkid:2", false)
	}
	found := lifetimes()
	require.Len(t, found, 4)
	require.Contains(t, found[0], "of 2 records t0:df:orders:pkid:{pk} of the pool handlers, 1 expire and 1 do not")
	require.Contains(t, found[3], "in 2 more spaces {tenant}:df:{table}:pkid:{pk} of the pool handlers")
}

// On a cluster every node is described, and the kinds are counted over all of
// them.
func TestReportOfCluster(t *testing.T) {
	p, err := pool.Open(t.Context(), pool.Config{URL: redistest.Cluster(t).URL()})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	users, err := p.Client(pool.User)
	require.NoError(t, err)
	for i := range 30 {
		mustDo(t, users, "HSET", fmt.Sprintf("user:acme:user:%d", i), "name", "Al")
	}
	r, err := p.Report(t.Context())
	require.NoError(t, err)
	require.Len(t, r.Servers, 3)
	require.Len(t, r.Kinds, 1)
	require.Equal(t, 30, r.Kinds[0].Sampled)
	require.Equal(t, 30, r.Kinds[0].Permanent)
	for _, f := range r.Findings {
		require.Contains(t, f, "appendonly", "no kind has mixed lifetimes")
	}
}

// Without a right, the rest is reported, and the error names it.
func TestReportWithoutRights(t *testing.T) {
	server := redistest.Server(t)
	admin, err := pool.Open(t.Context(), pool.Config{URL: server.URL()})
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	c, err := admin.Client(pool.User)
	require.NoError(t, err)
	mustDo(t, c, "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-info")
	mustDo(t, c, "HSET", "acme:user:1", "name", "Al")
	p, err := pool.Open(t.Context(), pool.Config{URL: strings.Replace(server.URL(), "redis://", "redis://app:secret@", 1)})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	r, err := p.Report(t.Context())
	require.ErrorContains(t, err, "INFO")
	require.Empty(t, r.Servers)
	require.Len(t, r.Kinds, 1)
}

func TestReportEmbeddedAndClosed(t *testing.T) {
	p, err := embedded.Open(t.Context(), pool.Config{})
	require.NoError(t, err)
	r, err := p.Report(t.Context())
	require.NoError(t, err)
	require.Len(t, r.Servers, 1)
	p.Close()
	_, err = p.Report(t.Context())
	require.ErrorIs(t, err, pool.ErrClosed)
}
