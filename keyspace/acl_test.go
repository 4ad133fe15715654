package keyspace_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/rights"
	"github.com/symphony-go/symphony/internal/spacekey"
	"github.com/symphony-go/symphony/keyspace"
)

// hostilePart is a part that imitates other keys, globs, tags and rules.
func hostilePart() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"acme", "b", "globex", ":", "%", "{", "}", "*", "?", "[", "]", "\\", "^", "-", " ", "~", "&", "+", "%exp", "%3A", "%25", ":{acme:", ":acme:", "user", "batch",
			"pending_batches", "\xff", "\x1f", "!", "é",
		}), 1, 5).Draw(t, "pieces")
		return strings.Join(pieces, "")
	})
}

// ruleMatches reports whether a rule of a sort ("~" or "&") matches a text.
func ruleMatches(rules []string, sort, text string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool {
		pattern, ok := strings.CutPrefix(rule, sort)
		return ok && globMatch(pattern, text)
	})
}

var aclLayouts = map[string]keyspace.Layout{
	"Default": keyspace.Default(), "Python": keyspace.Python(), "Cluster": keyspace.Cluster(), "ClusterByTenant": keyspace.ClusterByTenant(),
	"own": func() keyspace.Layout {
		l := keyspace.Default()
		l.User = keyspace.MustCompile("app 1:{tenant}:member*:{id}")
		return l
	}(),
}

// drawRecord draws the key of a record of a tenant, and the kinds of keys
// beside it. The key is empty if the parts cannot be in a key.
func drawRecord(t *rapid.T, l keyspace.Layout, tenant string) (f keyspace.Feature, key string, kinds []string) {
	part := func() string { return hostilePart().Draw(t, "part") }
	var err error
	switch f = rapid.SampledFrom([]keyspace.Feature{
		keyspace.ACLUser, keyspace.ACLStateHandler, keyspace.ACLTable, keyspace.ACLSharedState, keyspace.ACLGeneric,
		keyspace.ACLLimiter, keyspace.ACLBatch, keyspace.ACLTrigger, keyspace.ACLFeed,
	}).Draw(t, "feature"); f {
	case keyspace.ACLUser:
		key, err = l.User.Key(tenant, part())
	case keyspace.ACLStateHandler:
		key, err = l.State.Key(tenant, part(), part())
	case keyspace.ACLTable:
		key, err = l.Table.Key(tenant, part(), part())
	case keyspace.ACLSharedState:
		key, err = l.SharedState.Key(tenant, part(), part())
	case keyspace.ACLGeneric:
		kinds = []string{"load"}
		key, err = l.Generic.Key(tenant, part())
	case keyspace.ACLLimiter:
		key, err = l.Limit.Key(tenant, part())
	case keyspace.ACLBatch:
		kinds = []string{queuekey.Due, queuekey.Origins, queuekey.Claim + "ABCDEFGHIJK23", queuekey.Done + "ABCDEFGHIJK23"}
		key, err = l.BatchList.Key(tenant, part(), part(), part())
	case keyspace.ACLTrigger:
		parts := []string{tenant, part(), part()}
		if l.Trigger.HashTag() != "" {
			parts = slices.Insert(parts, 1, "s7")
		}
		key, err = l.Trigger.Key(parts...)
	case keyspace.ACLFeed:
		key, err = l.Feed.Key(tenant, part(), part())
	}
	if err != nil {
		key = ""
	}
	return f, key, kinds
}

// Whatever the names contain, the rules of a tenant match its keys and the keys
// beside them, and no key of another tenant.
func TestACLKeepsTenantsApart(t *testing.T) {
	checked := 0
	rapid.Check(t, func(t *rapid.T) {
		l := aclLayouts[rapid.SampledFrom(slices.Sorted(maps.Keys(aclLayouts))).Draw(t, "layout")]
		tenant, other := hostilePart().Draw(t, "tenant"), hostilePart().Draw(t, "other")
		f, key, kinds := drawRecord(t, l, tenant)
		prefixed := rapid.Bool().Draw(t, "prefixed")
		if key == "" || tenant == other {
			return
		}
		if prefixed {
			row, _ := rights.Find(string(f))
			key = row.Alias + ":" + key
		}
		options := []keyspace.ACLOption{keyspace.ACLPrefixKeys(prefixed)}
		if rapid.Bool().Draw(t, "of one repository") {
			options = append(options, f)
		}
		mine, others := l.ACL(tenant, options...), l.ACL(other, options...)
		if mine == nil {
			require.Error(t, l.CheckACL(tenant, options...))
			return
		}
		require.NoError(t, l.CheckACL(tenant, options...))
		keys := []string{key}
		for _, kind := range kinds {
			keys = append(keys, keyspace.Beside(kind, key))
		}
		for _, key := range keys {
			checked++
			require.True(t, ruleMatches(mine, "~", key), "%q", key)
			require.True(t, ruleMatches(l.ServiceACL(options...), "~", key), "%q", key)
			require.False(t, ruleMatches(others, "~", key), "%q is a key of %q", key, tenant)
		}
		if channel := keyspace.Beside("feed", key); f == keyspace.ACLFeed {
			require.True(t, ruleMatches(mine, "&", channel), "%q", channel)
			require.False(t, ruleMatches(others, "&", channel), "%q", channel)
		}
	})
	t.Logf("%d keys were checked", checked)
}

// The same holds for lists and indexes.
func TestACLKeepsIndexesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := aclLayouts[rapid.SampledFrom([]string{"Default", "Python", "ClusterByTenant", "own"}).Draw(t, "layout")]
		tenant, other, part := hostilePart().Draw(t, "tenant"), hostilePart().Draw(t, "other"), hostilePart().Draw(t, "part")
		prefixed := rapid.Bool().Draw(t, "prefixed")
		alias, bind := "user", func() (keyspace.Space, error) { return l.User.Bind(tenant) }
		kinds := []string{spacekey.IDs, spacekey.Checks, spacekey.Entries, spacekey.Moved, spacekey.Index}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 1:
			alias, bind = "handlers", func() (keyspace.Space, error) { return l.State.Bind(tenant, part) }
		case 2:
			alias, bind = "handlers", func() (keyspace.Space, error) { return l.Table.Bind(tenant, part) }
		case 3:
			alias, bind = "symphony_shared_state", func() (keyspace.Space, error) { return l.SharedState.Bind(tenant, keyspace.Any, part) }
		}
		space, err := bind()
		if err != nil || tenant == other {
			return
		}
		prefix := ""
		if prefixed {
			prefix = alias + ":"
		}
		before, after := space.Parts()
		name := spacekey.Name(prefix+before, after)
		mine, others := l.ACL(tenant, keyspace.ACLPrefixKeys(prefixed)), l.ACL(other, keyspace.ACLPrefixKeys(prefixed))
		if mine == nil {
			return
		}
		for _, kind := range kinds {
			key := keyspace.Beside(kind, name)
			if kind == spacekey.Index {
				key += ":t-e=3a-mail"
			}
			require.True(t, ruleMatches(mine, "~", key), "%q", key)
			require.False(t, ruleMatches(others, "~", key), "%q is a key of %q", key, tenant)
		}
		for _, kind := range rights.BesideGroup {
			group := keyspace.Beside(kind, prefix+spacekey.Group(name[len(prefix):], space.ForCluster()))
			require.True(t, ruleMatches(mine, "~", group), "%q", group)
			if !strings.HasPrefix(before, "app") { // all tenants share the group of a pattern that begins with text
				require.False(t, ruleMatches(others, "~", group), "%q", group)
			}
		}
	})
}

// All tenants share the pending sets and the schedules, except the queues of a
// tenant in the schedule.
func TestACLOfSharedKeys(t *testing.T) {
	for layout, keys := range map[string][]string{
		"Default": {
			"pending_batches:mail", "%tenants:{pending_batches:mail}", "%drained:pending_batches:{mail}",
			"%queues:{pending_batches:mail}:acme", "%exp:due:remind",
		},
		"Cluster": {
			"handlers:pending_batches:{mail}", "%tenants:handlers:pending_batches:{mail}", "%queues:handlers:pending_batches:{mail}:acme",
			"expiry:%exp{s3}:due:remind",
		},
	} {
		rules := aclLayouts[layout].ACL("acme")
		for _, key := range keys {
			require.True(t, ruleMatches(rules, "~", key), key)
			require.Equal(t, !strings.HasSuffix(key, ":acme"), ruleMatches(aclLayouts[layout].ACL("globex"), "~", key), key)
			require.True(t, ruleMatches(aclLayouts[layout].ServiceACL(), "~", key), key)
		}
	}
	mail := keyspace.Default().ACL("acme", keyspace.ACLBatch, keyspace.ACLServices("mail"))
	require.True(t, ruleMatches(mail, "~", "acme:batch:mail:order:send"))
	require.True(t, ruleMatches(mail, "~", "%due:{acme:batch:mail:order:send}"))
	require.True(t, ruleMatches(mail, "~", "pending_batches:mail"))
	require.True(t, ruleMatches(mail, "~", "%queues:{pending_batches:mail}:acme"))
	require.True(t, ruleMatches(mail, "&", "%wake:{pending_batches:mail}"))
	for _, key := range []string{"acme:batch:sms:order:send", "pending_batches:sms", "%tenants:{pending_batches:sms}", "%queues:{pending_batches:mail}:globex"} {
		require.False(t, ruleMatches(mail, "~", key), key)
	}
}

// The rules of one repository permit neither the commands nor the keys of
// another.
func TestACLOfFeatures(t *testing.T) {
	user := keyspace.Default().ACL("acme", keyspace.ACLUser)
	require.Contains(t, user, "+hset")
	require.Contains(t, user, "+ping")
	require.NotContains(t, user, "+set")
	require.Equal(t, []string{"~acme:user:*"}, user[slices.IndexFunc(user, func(r string) bool { return r[0] == '~' }):])
	require.Contains(t, keyspace.Default().ACL("acme", keyspace.ACLUser, keyspace.ACLIndexes), "~%spaces:{acme}")
	require.Contains(t, keyspace.Default().ACL("acme", keyspace.ACLUser, keyspace.ACLNewerCommands()), "+hpexpire")
	require.Contains(t, keyspace.Default().ACL("acme", keyspace.ACLUser, keyspace.ACLNewerCommands()), "~%probe")
	require.Contains(t, keyspace.Python().ACL("acme", keyspace.ACLTrigger), "+exists")
	require.NotContains(t, keyspace.Default().ACL("acme", keyspace.ACLTrigger), "+exists")
	require.Contains(t, keyspace.Cluster().ACL("acme", keyspace.ACLFeed), "+spublish")
	require.Contains(t, keyspace.Cluster().ACL("acme", keyspace.ACLFeed), "~pubsub:acme:feed:*")
	require.Contains(t, keyspace.Cluster().ACL("acme", keyspace.ACLFeed, keyspace.ACLOn("pubsub", "mine")), "~mine:acme:feed:*")
	require.Contains(t, keyspace.Cluster().ACL("acme", keyspace.ACLFeed, keyspace.ACLPrefixKeys(false)), "~acme:feed:*")

	worker := keyspace.Default().ServiceACL(keyspace.ACLWorkBatches)
	require.Contains(t, worker, "+lmove", "WorkBatches also needs Batch")
	require.Contains(t, worker, "~*:batch:*")
	require.Contains(t, worker, "~%sweep*pending_batches:*")
	require.Equal(t, []string{"~*"}, slices.DeleteFunc(keyspace.Default().ServiceACL(keyspace.ACLTenants), func(r string) bool { return r[0] != '~' }))
}

// A pattern that ends in an escaped "*" covers no other pattern.
func TestACLOfServicesThatEndInAStar(t *testing.T) {
	rules := keyspace.Default().ACL("acme", keyspace.ACLBatch, keyspace.ACLServices("mail*", "mail?"))
	require.True(t, ruleMatches(rules, "~", "pending_batches:mail*"))
	require.True(t, ruleMatches(rules, "~", "pending_batches:mail?"))
	require.False(t, ruleMatches(rules, "~", "pending_batches:mailer"))
}

func TestCheckACL(t *testing.T) {
	incomplete := keyspace.Default()
	incomplete.Topic = keyspace.Pattern{}
	unpending := keyspace.Default()
	unpending.PendingSet = keyspace.Pattern{}
	for name, tc := range map[string]struct {
		layout  keyspace.Layout
		tenant  string
		options []keyspace.ACLOption
		err     error
		text    string
	}{
		"no tenant":         {keyspace.Default(), "", nil, keyspace.ErrInvalidKey, "tenant is empty"},
		"NUL":               {keyspace.Default(), "a\x00b", nil, keyspace.ErrInvalidKey, "NUL"},
		"a brace":           {keyspace.Cluster(), "a{b", nil, keyspace.ErrInvalidKey, "brace"},
		"a reserved key":    {keyspace.Python(), "%exp", nil, keyspace.ErrInvalidKey, "reserved"},
		"a colon in Python": {keyspace.Python(), "acme:user", nil, keyspace.ErrInvalidKey, "colon"},
		"AllowAmbiguous":    {lenient, "acme", nil, keyspace.ErrInvalidACL, "cannot distinguish tenants"},
		"a line break":      {keyspace.Default(), "a\nb", nil, keyspace.ErrInvalidACL, "white space"},
		"a tab":             {keyspace.Default(), "acme", []keyspace.ACLOption{keyspace.ACLBatch, keyspace.ACLServices("a\tb")}, keyspace.ErrInvalidACL, "white space"},
		"a pending set":     {keyspace.Default(), "pending_batches", nil, keyspace.ErrInvalidACL, "rename the tenant"},
		"a first brace":     {keyspace.Default(), "{acme", nil, keyspace.ErrInvalidACL, "begins with a brace"},
		"no service":        {keyspace.Default(), "acme", []keyspace.ACLOption{keyspace.ACLServices("")}, keyspace.ErrInvalidKey, "service is empty"},
		"unknown":           {keyspace.Default(), "acme", []keyspace.ACLOption{keyspace.Feature("Users")}, keyspace.ErrInvalidACL, "unknown"},
		"no option":         {keyspace.Default(), "acme", []keyspace.ACLOption{nil}, keyspace.ErrInvalidACL, "nil"},
		"a worker":          {keyspace.Default(), "acme", []keyspace.ACLOption{keyspace.ACLWorkBatches}, keyspace.ErrInvalidACL, "ServiceACL"},
		"a missing pattern": {incomplete, "acme", nil, keyspace.ErrInvalidKey, "no pattern"},
		"no pending set":    {unpending, "acme", nil, keyspace.ErrInvalidKey, "no pattern"},
		"the zero layout":   {keyspace.Layout{}, "acme", nil, keyspace.ErrInvalidKey, "no pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.layout.CheckACL(tc.tenant, tc.options...)
			require.ErrorIs(t, err, tc.err)
			require.ErrorContains(t, err, tc.text)
			require.Nil(t, tc.layout.ACL(tc.tenant, tc.options...))
		})
	}
	require.Nil(t, keyspace.Default().ACL(keyspace.Any))
	require.NoError(t, keyspace.Default().CheckACL(keyspace.Any), "of ServiceACL")
	require.NotEmpty(t, lenient.ServiceACL())
}
