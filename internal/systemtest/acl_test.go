package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// aclServers are the nodes of a deployment whose users have the rules of
// keyspace.Layout.ACL.
type aclServers struct {
	t      *testing.T
	url    string
	nodes  []*redistest.Instance
	admins []rueidis.Client
	config pool.Config
	layout keyspace.Layout
}

func newACLServers(t *testing.T, url string, nodes []*redistest.Instance, cfg pool.Config, l keyspace.Layout) *aclServers {
	s := &aclServers{t: t, url: url, nodes: nodes, config: cfg, layout: l}
	s.config.Layout = l
	for _, node := range nodes {
		s.admins = append(s.admins, node.Client(t, 0))
	}
	return s
}

// setUser gives a user the rules on each node.
func (s *aclServers) setUser(name string, rules []string) {
	s.t.Helper()
	require.NotEmpty(s.t, rules)
	args := append([]string{"ACL", "SETUSER", name, "reset", "on", ">" + name}, rules...)
	for _, admin := range s.admins {
		require.NoError(s.t, admin.Do(s.t.Context(), admin.B().Arbitrary(args...).Build()).Error())
	}
}

// open opens pools as a user.
func (s *aclServers) open(user string) *pool.Pools {
	s.t.Helper()
	cfg := s.config
	cfg.URL = strings.ReplaceAll(s.url, "//", "//"+user+":"+user+"@")
	cfg.Logger, cfg.Observer = slog.New(slog.DiscardHandler), pooltest.Origin("origin")
	p, err := pool.Open(s.t.Context(), cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(p.Close)
	return p
}

// refusals returns what the nodes refused since the last call, by ACL LOG. It
// also has what a script or a client ignores.
func (s *aclServers) refusals() (all []string) {
	for _, admin := range s.admins {
		entries, err := admin.Do(s.t.Context(), admin.B().Arbitrary("ACL", "LOG").Build()).ToArray()
		require.NoError(s.t, err)
		for _, entry := range entries {
			fields, err := entry.AsStrMap()
			if err != nil {
				m, err := entry.AsMap()
				require.NoError(s.t, err)
				fields = map[string]string{}
				for k, v := range m {
					fields[k], _ = v.ToString()
				}
			}
			all = append(all, fmt.Sprintf("%s may not use the %s %q (%s)", fields["username"], fields["reason"], fields["object"], fields["client-info"]))
		}
		require.NoError(s.t, admin.Do(s.t.Context(), admin.B().Arbitrary("ACL", "LOG", "RESET").Build()).Error())
	}
	return all
}

// state returns a hash of all data.
func (s *aclServers) state() (all []string) {
	for _, admin := range s.admins {
		text, err := admin.Do(s.t.Context(), admin.B().Arbitrary("DEBUG", "DIGEST").Build()).ToString()
		require.NoError(s.t, err)
		all = append(all, text)
	}
	return all
}

// eachACLDeployment runs a test in several layouts.
func eachACLDeployment(t *testing.T, run func(t *testing.T, s *aclServers)) {
	config := []string{"enable-debug-command yes", "acl-pubsub-default resetchannels"}
	for _, single := range []struct {
		name   string
		config pool.Config
		layout keyspace.Layout
	}{
		{"Default", pool.Config{}, keyspace.Default()},
		{"PrefixKeys", pool.Config{PrefixKeys: true}, keyspace.Default()},
		{"Python", pool.Config{}, keyspace.Python()},
	} {
		t.Run(single.name, func(t *testing.T) {
			s := redistest.Server(t, config...)
			run(t, newACLServers(t, s.URL(), []*redistest.Instance{s}, single.config, single.layout))
		})
	}
	t.Run("ClusterByTenant", func(t *testing.T) {
		c := redistest.Cluster(t, config...)
		run(t, newACLServers(t, c.URL(), c.Primaries, pool.Config{}, keyspace.ClusterByTenant()))
	})
}

// options returns the options of ACL for the pools.
func (s *aclServers) options() []keyspace.ACLOption {
	return []keyspace.ACLOption{keyspace.ACLPrefixKeys(s.config.PrefixKeys || len(s.nodes) > 1)}
}

// primitiveCalls are calls of repositories with patterns of one's own.
func primitiveCalls(t *testing.T, p *pool.Pools) []permittedCall {
	pattern := func(template string) keyspace.Space {
		if p.Layout().User.HashTag() == "tenant" {
			template = strings.Replace(template, "{tenant}", "{{tenant}}", 1)
		}
		space, err := keyspace.MustCompile(template).Bind("acme")
		require.NoError(t, err)
		return space
	}
	orders, err := hashrepo.New[indexedRecord](p, pool.User, pattern("{tenant}:order:{id}"))
	require.NoError(t, err)
	texts, err := kvrepo.New[string](p, pool.Default, pattern("{tenant}:text:{id}"))
	require.NoError(t, err)
	jobs, err := listrepo.New[string](p, pool.Handlers, pattern("{tenant}:job:{id}"))
	require.NoError(t, err)
	return []permittedCall{
		{"Upsert an order", func(ctx context.Context) error { return orders.Upsert(ctx, "1", indexedRecord{"a@x", 1, "A"}) }},
		{"Count orders", func(ctx context.Context) error { return errorOf(orders.Count(ctx)) }},
		{"Set a text", func(ctx context.Context) error { return texts.Set(ctx, "1", "a") }},
		{"GetOrLoad a text", func(ctx context.Context) error {
			return errorOf(texts.GetOrLoad(ctx, "2", func(context.Context) (string, error) { return "b", nil }))
		}},
		{"Push jobs", func(ctx context.Context) error { return errorOf(jobs.Push(ctx, "1", "a", "b", "c")) }},
		{"Claim jobs", func(ctx context.Context) error {
			c, err := jobs.Claim(ctx, "1", 2, time.Minute)
			if err != nil {
				return err
			}
			return errors.Join(c.Ack(ctx, c.Items[0]), c.Release(ctx))
		}},
	}
}

// recurringCalls need a listener with the layout of Python.
var recurringCalls = []string{"SetPayloadEvery", "the same period", "SetCron", "Rule", "Delete of a recurring one"}

// tenantRows are the rows whose calls a tenant's user makes.
func (s *aclServers) tenantRows() map[string]callList {
	rows := map[string]callList{"primitives": primitiveCalls}
	if s.layout.Trigger.IsPython() {
		defer func() {
			rows["Trigger"] = func(t *testing.T, p *pool.Pools) []permittedCall {
				return slices.DeleteFunc(triggerCalls(t, p), func(c permittedCall) bool { return slices.Contains(recurringCalls, c.name) })
			}
		}()
	}
	for name, calls := range callsByRow {
		if !slices.Contains([]string{"WorkBatches", "Listener", "tenants"}, name) {
			rows[name] = calls
		}
	}
	return rows
}

// With the rules of a tenant, all repositories of the tenant work, and nothing
// is refused, not even what they ignore.
func TestACLSufficesForATenant(t *testing.T) {
	eachACLDeployment(t, func(t *testing.T, s *aclServers) {
		s.setUser("acme", s.layout.ACL("acme", s.options()...))
		p := s.open("acme")
		made := 0
		for name, calls := range s.tenantRows() {
			for _, c := range calls(t, p) {
				require.NoError(t, c.call(t.Context()), "%s of %s", c.name, name)
				made++
			}
			require.Empty(t, s.refusals(), name)
		}
		t.Logf("%d calls were made", made)
	})
}

// harmlessCalls may succeed with the rules of another tenant, because they
// return only names that SCAN returns or that all tenants share, or concern no
// record.
var harmlessCalls = []string{"Ping", "IDs", "PendingTenants", "hits", "Retry", "Discard"}

// With the rules of another tenant, each call returns ErrNoPermission, changes
// nothing, and never takes a record for missing.
func TestACLKeepsOtherTenantsOut(t *testing.T) {
	eachACLDeployment(t, func(t *testing.T, s *aclServers) {
		s.setUser("acme", s.layout.ACL("acme", s.options()...))
		s.setUser("globex", s.layout.ACL("globex", s.options()...))
		mine, foreign := s.open("acme"), s.open("globex")
		refused := 0
		for name, calls := range s.tenantRows() {
			own := calls(t, mine)
			for i, c := range calls(t, foreign) {
				before := s.state()
				err := c.call(t.Context())
				if c.name != "ForceRemoveFromPending" { // it changes the pending set, which the tenants share
					require.Equal(t, before, s.state(), "%s of %s changed data of another tenant: %v", c.name, name, err)
				}
				require.NotErrorIs(t, err, symphony.ErrNotFound, "%s of %s", c.name, name)
				if !slices.Contains(harmlessCalls, c.name) && !errors.Is(err, errNoItems) {
					require.ErrorIs(t, err, symphony.ErrNoPermission, "%s of %s", c.name, name)
					refused++
				}
				require.NoError(t, own[i].call(t.Context()), "%s of %s", c.name, name)
			}
		}
		t.Logf("%d calls were refused", refused)
	})
}

// With the rules of a service, workers and listeners work for all tenants, and
// nothing is refused.
func TestServiceACLSuffices(t *testing.T) {
	node := redistest.Server(t, "acl-pubsub-default resetchannels")
	s := newACLServers(t, node.URL(), []*redistest.Instance{node}, pool.Config{}, keyspace.Default())
	for name, features := range map[string][]keyspace.ACLOption{
		"WorkBatches": {keyspace.ACLWorkBatches, keyspace.ACLServices("chat")},
		"Listener":    {keyspace.ACLListener},
		"all":         nil,
		"tenants":     {keyspace.ACLTenants, keyspace.ACLUser, keyspace.ACLGeneric, keyspace.ACLFeed},
	} {
		rows := []string{name}
		if name == "all" {
			rows = []string{"WorkBatches", "Listener", "User", "Batch"}
		}
		node.Flush(t)
		s.setUser("service", s.layout.ServiceACL(features...))
		p := s.open("service")
		_ = s.refusals()
		for _, row := range rows {
			for _, c := range callsByRow[row](t, p) {
				if row == "tenants" && c.name == "records" {
					continue // it stores types that no repository has
				}
				require.NoError(t, c.call(t.Context()), "%s of %s", c.name, row)
			}
		}
		require.Empty(t, s.refusals(), name)
	}
}

// On a cluster too, a worker and a listener with the rules of a service handle
// what tenants with their own rules store.
func TestServiceACLOnACluster(t *testing.T) {
	c := redistest.Cluster(t, "acl-pubsub-default resetchannels")
	s := newACLServers(t, c.URL(), c.Primaries, pool.Config{}, keyspace.ClusterByTenant())
	s.setUser("acme", s.layout.ACL("acme"))
	s.setUser("service", s.layout.ServiceACL())
	mine, service := s.open("acme"), s.open("service")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	b, err := symphony.NewBatch[string](mine, "acme")
	require.NoError(t, err)
	trigger, err := symphony.NewTrigger(mine, "acme")
	require.NoError(t, err)
	handled, fired := make(chan string, 1), make(chan string, 1)
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("remind", func(_ context.Context, e expiry.Event) error { fired <- e.Tenant; return nil }))
	l, err := expiry.NewListener(service, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ended := make(chan error, 2)
	go func() { ended <- l.Run(ctx) }()
	go func() {
		ended <- symphony.WorkBatches(ctx, service, "chat", func(_ context.Context, tenant string, _ symphony.Queue, _ []listrepo.Item[string]) error {
			handled <- tenant
			return nil
		}, symphony.WorkConfig{Logger: slog.New(slog.DiscardHandler)})
	}()
	_, err = b.Enqueue(ctx, chatQueue, "a")
	require.NoError(t, err)
	require.NoError(t, trigger.Set(ctx, "remind", "1", time.Millisecond))
	for _, channel := range []chan string{handled, fired} {
		select {
		case tenant := <-channel:
			require.Equal(t, "acme", tenant)
		case <-ctx.Done():
			require.Fail(t, "nothing was handled", s.refusals())
		}
	}
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Empty(t, s.refusals())
}

// A repository with a list needs no SCAN, once Reindex has run with it.
func TestACLWithoutScan(t *testing.T) {
	node := redistest.Server(t, "acl-pubsub-default resetchannels")
	s := newACLServers(t, node.URL(), []*redistest.Instance{node}, pool.Config{}, keyspace.Default())
	rules := s.layout.ACL("acme")
	s.setUser("operator", rules)
	s.setUser("acme", append(rules, "-scan"))
	listed := func(p *pool.Pools) *symphony.User[indexedRecord] {
		users, err := symphony.NewUser[indexedRecord](p, "acme", symphony.Listed())
		require.NoError(t, err)
		return users
	}
	for _, err := range listed(s.open("operator")).Reindex(t.Context()) {
		require.NoError(t, err)
	}
	_ = s.refusals()
	p := s.open("acme")
	users := listed(p)
	require.NoError(t, users.Upsert(t.Context(), "1", indexedRecord{"a@x", 7, "A"}))
	var ids []string
	for id, err := range users.IDs(t.Context()) {
		require.NoError(t, err)
		ids = append(ids, id)
	}
	for r, err := range users.All(t.Context()) {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	age := hashrepo.NumberOf(func(v *indexedRecord) *int64 { return &v.Age })
	for r, err := range users.Find(t.Context(), age.Eq(7)) {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	require.Equal(t, []string{"1", "1", "1"}, ids)
	n, err := users.DeleteAll(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Empty(t, s.refusals())

	plain, err := symphony.NewUser[plainRecord](p, "acme")
	require.NoError(t, err)
	_, err = plain.DeleteAll(t.Context())
	require.ErrorIs(t, err, symphony.ErrNoPermission)
	require.ErrorContains(t, err, "+scan")
}

// The error of a refused key names a rule that permits it.
func TestErrNoPermissionNamesTheKeyPattern(t *testing.T) {
	eachACLDeployment(t, func(t *testing.T, s *aclServers) {
		s.setUser("acme", s.layout.ACL("acme", s.options()...))
		users, err := symphony.NewUser[plainRecord](s.open("acme"), "globex")
		require.NoError(t, err)
		rule := "~globex:user:*"
		switch {
		case len(s.nodes) > 1:
			rule = "~user:{globex}:user:*"
		case s.config.PrefixKeys:
			rule = "~user:globex:user:*"
		}
		_, err = users.Get(t.Context(), "1")
		require.ErrorIs(t, err, symphony.ErrNoPermission)
		require.NotErrorIs(t, err, symphony.ErrNotFound)
		require.ErrorContains(t, err, fmt.Sprintf("%q", rule))
		require.ErrorContains(t, users.Upsert(t.Context(), "a:1", plainRecord{}), fmt.Sprintf("%q", rule))
		_, err = users.Delete(t.Context(), "1")
		require.ErrorContains(t, err, fmt.Sprintf("%q", rule))
		require.Contains(t, s.layout.ACL("globex", append(s.options(), keyspace.ACLUser)...), rule)
	})
}
