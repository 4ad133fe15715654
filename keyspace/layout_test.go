package keyspace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/pythontest"
	"github.com/symphony-go/symphony/keyspace"
)

// lenient accepts every part that the Python package accepts.
var lenient = keyspace.Python(keyspace.AllowAmbiguous)

// The samples hold keys that the Python package built. If the parts can be in a
// key here, the layout Python makes the same key. If no part contains a
// character that Default escapes, Default makes it too.
func TestPythonKeys(t *testing.T) {
	built, parsed, refused := 0, 0, 0
	for _, s := range pythontest.Load(t).Keys {
		switch {
		case s.Without() == pythontest.Empty:
			requireNoKey(t, s)
			refused++
		case s.Builder == "parse_trigger":
			want, _ := s.Key.([]any)
			parts, ok := lenient.Trigger.Parse(s.Parts[0])
			require.Equal(t, want != nil, ok, s.Parts)
			require.Len(t, parts, len(want))
			for i := range want {
				require.Equal(t, want[i], parts[i], s.Parts)
			}
			parsed++
		case s.Builder == "is_trigger_key":
			_, ok := lenient.Trigger.Parse(s.Parts[0])
			require.Equal(t, s.Key == true && s.Without() == "", ok, s.Parts)
			parsed++
		default:
			requireKey(t, s)
			built++
		}
	}
	require.Equal(t, []int{23, 9, 9}, []int{built, parsed, refused})
}

func requireKey(t *testing.T, s pythontest.Key) {
	t.Helper()
	python, byDefault := builder(t, s.Builder)
	key, err := python.Key(s.Parts...)
	require.NoError(t, err)
	require.Equal(t, s.Key, key, s.Builder)
	requireStrict(t, python, s.Parts, key)
	if !strings.ContainsAny(strings.Join(s.Parts, ""), ":%") {
		key, err = byDefault.Key(s.Parts...)
		require.NoError(t, err)
		require.Equal(t, s.Key, key, s.Builder)
	}
}

// requireStrict checks that, without AllowAmbiguous, Key returns the same key
// or an error.
func requireStrict(t *testing.T, lenient keyspace.Pattern, parts []string, want string) {
	t.Helper()
	strict := must(keyspace.CompilePython(lenient.String()))
	key, err := strict.Key(parts...)
	if !strings.Contains(strings.Join(parts, ""), ":") {
		require.NoError(t, err)
		require.Equal(t, want, key)
		return
	}
	if err != nil {
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		require.ErrorContains(t, err, "AllowAmbiguous")
		return
	}
	parsed, ok := strict.Parse(key)
	require.True(t, ok)
	require.Equal(t, parts, parsed)
}

func requireNoKey(t *testing.T, s pythontest.Key) {
	t.Helper()
	if s.Builder == "parse_trigger" {
		_, ok := lenient.Trigger.Parse(s.Parts[0])
		require.False(t, ok, s.Parts)
		return
	}
	python, byDefault := builder(t, s.Builder)
	for _, p := range []keyspace.Pattern{python, byDefault} {
		_, err := p.Key(s.Parts...)
		require.ErrorIs(t, err, keyspace.ErrInvalidKey, s.Parts)
	}
}

// builder returns the patterns of Python and Default for a function of the
// Python package that builds keys. A service can set another prefix for it.
func builder(t *testing.T, name string) (python, byDefault keyspace.Pattern) {
	t.Helper()
	custom := func(template string) (keyspace.Pattern, keyspace.Pattern) {
		return must(keyspace.CompilePython(template, keyspace.AllowAmbiguous)), keyspace.MustCompile(template)
	}
	p, d := lenient, keyspace.Default()
	switch name {
	case "user":
		return p.User, d.User
	case "handler":
		return p.State, d.State
	case "table":
		return p.Table, d.Table
	case "shared_state":
		return p.SharedState, d.SharedState
	case "trigger":
		return p.Trigger, d.Trigger
	case "batch_list":
		return p.BatchList, d.BatchList
	case "pending_set":
		return p.PendingSet, d.PendingSet
	case "handler(custom)":
		return custom("{tenant}:H:{name}:{user}")
	case "trigger(custom)":
		return custom("{tenant}:X:{action}:{id}")
	case "shared_state(custom)":
		return custom("{tenant}:S:{state}:{user}")
	case "pending_set(custom)":
		return custom("P:{service}")
	}
	require.Fail(t, "no pattern", name)
	return python, byDefault
}

// Keys of whole records show a difference that the builders above do not: ":"
// becomes "_" in a shared state, but not in the state of a handler.
func TestPythonRecords(t *testing.T) {
	l := lenient
	for _, tc := range []struct {
		pattern keyspace.Pattern
		parts   []string
		want    string
	}{
		{l.SharedState, []string{"mimeia", "a:b", "u:1"}, "mimeia:SS:a_b:u_1"},
		{l.SharedState, []string{"mimeia", "x y", "u:1"}, "mimeia:SS:x y:u_1"},
		{l.State, []string{"mimeia", "a:b", "u:1"}, "mimeia:state:a:b:u:1"},
		{l.Trigger, []string{"acme-co", "a:b", "c:d"}, "acme-co:EXPTRIGGER:a_b:c_d"},
		{l.BatchList, []string{"acme-co", "two", "e:x", "a*"}, "acme-co:batch:two:e:x:a*"},
		{l.BatchList, []string{"mimeia", "svc:mimeia", "ent", "act"}, "mimeia:batch:svc:mimeia:ent:act"},
		{l.PendingSet, []string{"svc:mimeia"}, "pending_batches:svc:mimeia"},
		{l.Generic, []string{"mimeia", "a:b*c"}, "mimeia:a:b*c"},
		{l.User, []string{"a:b", "u"}, "a:b:user:u"},
		{l.Table, []string{"acme-co", "products", "7"}, "acme-co:df:products:pkid:7"},
		{l.Table, []string{"acme-co", "a:b", "u:1"}, "acme-co:df:a_b:pkid:u_1"},
	} {
		key, err := tc.pattern.Key(tc.parts...)
		require.NoError(t, err)
		require.Equal(t, tc.want, key)
	}
}

// If two lists of parts would share a key, one of them is refused. The error
// names the part and AllowAmbiguous.
func TestPythonRefusesAmbiguousParts(t *testing.T) {
	strict := keyspace.Python()
	for _, tc := range []struct {
		one, other keyspace.Pattern
		accepted   []string
		refused    []string
		part       string
		strict     keyspace.Pattern
	}{
		{lenient.User, lenient.User, []string{"acme", "user:u"}, []string{"acme:user", "u"}, "{tenant}", strict.User},
		{lenient.State, lenient.State, []string{"t", "a", "b:u"}, []string{"t", "a:b", "u"}, "{name}", strict.State},
		{lenient.SharedState, lenient.SharedState, []string{"t", "a", "u_1"}, []string{"t", "a", "u:1"}, "{user}", strict.SharedState},
		{lenient.SharedState, lenient.SharedState, []string{"t", "a_b", "u"}, []string{"t", "a:b", "u"}, "{state}", strict.SharedState},
		{lenient.Table, lenient.Table, []string{"t", "a_b", "k"}, []string{"t", "a:b", "k"}, "{table}", strict.Table},
		{lenient.Table, lenient.Table, []string{"t", "a", "k_1"}, []string{"t", "a", "k:1"}, "{pk}", strict.Table},
		{lenient.Trigger, lenient.Trigger, []string{"t", "a_b", "i"}, []string{"t", "a:b", "i"}, "{action}", strict.Trigger},
		{lenient.Trigger, lenient.Trigger, []string{"t", "a", "i_1"}, []string{"t", "a", "i:1"}, "{id}", strict.Trigger},
		{lenient.BatchList, lenient.BatchList, []string{"t", "s", "e", "x:a"}, []string{"t", "s", "e:x", "a"}, "{entity}", strict.BatchList},
		{lenient.BatchList, lenient.BatchList, []string{"t", "s", "e", "x:a"}, []string{"t", "s:e", "x", "a"}, "{service}", strict.BatchList},
		{lenient.BatchList, lenient.PendingSet, []string{"pending_batches", "a", "b", "c"}, []string{"batch:a:b:c"}, "{service}", strict.PendingSet},
		{lenient.Generic, lenient.Generic, []string{"t", "a:k"}, []string{"t:a", "k"}, "{tenant}", strict.Generic},
	} {
		key, err := tc.one.Key(tc.accepted...)
		require.NoError(t, err)
		same, err := tc.other.Key(tc.refused...)
		require.NoError(t, err)
		require.Equal(t, key, same)

		_, err = must(keyspace.CompilePython(tc.one.String())).Key(tc.accepted...)
		require.NoError(t, err)
		_, err = tc.strict.Key(tc.refused...)
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		require.ErrorContains(t, err, tc.part)
		require.ErrorContains(t, err, "AllowAmbiguous")
	}
}

// No key of one pattern is a key of another, except for those of Generic.
func TestPatternsOfALayoutAreDisjoint(t *testing.T) {
	for name, l := range map[string]keyspace.Layout{
		"Default": keyspace.Default(), "Cluster": keyspace.Cluster(), "ClusterByTenant": keyspace.ClusterByTenant(), "Python": keyspace.Python(),
	} {
		t.Run(name, func(t *testing.T) {
			all := patterns(l)[:7]
			hostile := []string{
				"pending_batches", "user", "state", "SS", "df", "pkid", "batch", "EXPTRIGGER", "a", ":", "%", "%3A", "s", "::",
			}
			rapid.Check(t, func(t *rapid.T) {
				p := rapid.SampledFrom(all).Draw(t, "pattern")
				parts := make([]string, len(p.Params()))
				for i := range parts {
					parts[i] = strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 1, 7).Draw(t, "part"),
						rapid.SampledFrom([]string{"", ":"}).Draw(t, "joint"))
				}
				key, err := p.Key(parts...)
				if p.IsPython() && err != nil {
					require.ErrorIs(t, err, keyspace.ErrInvalidKey)
					return
				}
				require.NoError(t, err)
				require.NotRegexp(t, "^%[a-z]", key)
				for _, other := range all {
					if other != p {
						_, ok := other.Parse(key)
						require.False(t, ok, "%q is a key of both %s and %s", key, p, other)
					}
				}
			})
		})
	}
}

func TestClusterRefusesBraces(t *testing.T) {
	for _, p := range append(patterns(keyspace.Cluster()), patterns(keyspace.ClusterByTenant())...) {
		for i := range p.Params() {
			for _, brace := range []string{"a{", "}b", "{}"} {
				parts := slices.Repeat([]string{"x"}, len(p.Params()))
				parts[i] = brace
				_, err := p.Key(parts...)
				require.ErrorIs(t, err, keyspace.ErrInvalidKey, p.String())
			}
		}
	}
}

func TestClusterKeysThatChangeTogetherShareASlot(t *testing.T) {
	l := keyspace.Cluster()
	key := func(p keyspace.Pattern, parts ...string) string {
		k, err := p.Key(parts...)
		require.NoError(t, err)
		return k
	}
	require.Equal(t, "acme:batch:{mail}:e:a", key(l.BatchList, "acme", "mail", "e", "a"))
	require.Equal(t, clusterSlot(key(l.PendingSet, "mail")), clusterSlot(key(l.BatchList, "acme", "mail", "e", "a")))
	require.Equal(t, "acme{s3}:EXPTRIGGER:send:42", key(l.Trigger, "acme", "s3", "send", "42"))
	require.Equal(t, "acme:user:u1", key(l.User, "acme", "u1"))
	require.Equal(t, keyspace.Default().User.String(), l.User.String())
}

// The records of a tenant share a slot, and so does what lies beside them, with
// the prefix of any pool. Without the braces, their keys are those of Default.
func TestClusterByTenantKeepsTheRecordsOfATenantTogether(t *testing.T) {
	l, byDefault := keyspace.ClusterByTenant(), keyspace.Default()
	for _, tc := range []struct {
		pattern, byDefault keyspace.Pattern
		parts              []string
		key                string
	}{
		{l.User, byDefault.User, []string{"acme", "u:1"}, "{acme}:user:u:1"},
		{l.State, byDefault.State, []string{"acme", "chat", "u1"}, "{acme}:state:chat:u1"},
		{l.Table, byDefault.Table, []string{"acme", "orders", "7"}, "{acme}:df:orders:pkid:7"},
		{l.SharedState, byDefault.SharedState, []string{"acme", "a:b", "u1"}, "{acme}:SS:a%3Ab:u1"},
		{l.Generic, byDefault.Generic, []string{"acme", "a:b"}, "{acme}:a:b"},
		{l.User, byDefault.User, []string{"%lease", "u1"}, "{%25lease}:user:u1"},
	} {
		key, err := tc.pattern.Key(tc.parts...)
		require.NoError(t, err)
		require.Equal(t, tc.key, key)
		plain, err := tc.byDefault.Key(tc.parts...)
		require.NoError(t, err)
		require.Equal(t, plain, strings.NewReplacer("{", "", "}", "").Replace(key))

		slot := clusterSlot(strings.ReplaceAll(tc.parts[0], "%", "%25"))
		for _, prefix := range []string{"", "user:"} {
			require.Equal(t, slot, clusterSlot(prefix+key), key)
			require.Equal(t, slot, clusterSlot(keyspace.Beside("lease", prefix+key)), key)
		}
	}
	spread := keyspace.Cluster()
	require.Equal(t, []keyspace.Pattern{spread.Trigger, spread.BatchList, spread.PendingSet},
		[]keyspace.Pattern{l.Trigger, l.BatchList, l.PendingSet})
}

func TestLayoutsCompare(t *testing.T) {
	require.True(t, keyspace.Layout{}.IsZero())
	for _, l := range []keyspace.Layout{keyspace.Default(), keyspace.Python(), lenient, keyspace.Cluster(), keyspace.ClusterByTenant()} {
		require.False(t, l.IsZero())
		for _, p := range patterns(l) {
			require.NotEmpty(t, p.String())
			require.Equal(t, l == keyspace.Python() || l == lenient, p.IsPython())
		}
	}
	require.True(t, keyspace.Default() == keyspace.Default())
	require.True(t, keyspace.Python(keyspace.AllowAmbiguous) == lenient)
	require.False(t, keyspace.Default() == keyspace.Python())
	require.False(t, lenient == keyspace.Python())
	require.True(t, keyspace.ClusterByTenant() == keyspace.ClusterByTenant())
	require.False(t, keyspace.ClusterByTenant() == keyspace.Cluster())
	require.False(t, keyspace.Layout{User: keyspace.Default().User}.IsZero())
}
