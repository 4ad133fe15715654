package keyspace_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/keyspace"
)

// Every key that the Python package was seen to build, for parts that can be a
// key here: Python's layout gives it, and Default too where no part holds what it
// escapes.
func TestPythonKeys(t *testing.T) {
	data, err := os.ReadFile("testdata/python_keys.json")
	require.NoError(t, err)
	var samples []struct {
		Builder string
		Parts   []string
		Key     json.RawMessage
	}
	require.NoError(t, json.Unmarshal(data, &samples))
	require.Len(t, samples, 39)

	custom := func(template string) keyspace.Pattern { return must(keyspace.CompilePython(template)) }
	python, ours := keyspace.Python(), keyspace.Default()
	type pair struct{ python, ours keyspace.Pattern }
	builders := map[string]pair{
		"user":                 {python.User, ours.User},
		"handler":              {python.State, ours.State},
		"table":                {python.Table, ours.Table},
		"trigger":              {python.Trigger, ours.Trigger},
		"batch_list":           {python.BatchList, ours.BatchList},
		"pending_set":          {python.PendingSet, ours.PendingSet},
		"handler(custom)":      {custom("{tenant}:H:{name}:{user}"), keyspace.MustCompile("{tenant}:H:{name}:{user}")},
		"trigger(custom)":      {custom("{tenant}:X:{action}:{id}"), keyspace.MustCompile("{tenant}:X:{action}:{id}")},
		"shared_state(custom)": {custom("{tenant}:S:{state}:{user}"), keyspace.MustCompile("{tenant}:S:{state}:{user}")},
		"pending_set(custom)":  {custom("P:{service}"), keyspace.MustCompile("P:{service}")},
	}
	built, parsed := 0, 0
	for _, s := range samples {
		switch s.Builder {
		case "parse_trigger":
			var want []string
			require.NoError(t, json.Unmarshal(s.Key, &want))
			parts, ok := python.Trigger.Parse(s.Parts[0])
			if slices.Contains(want, "") {
				want = nil
			}
			require.Equal(t, want != nil, ok, s.Parts)
			require.Equal(t, want, parts)
			parsed++
		case "is_trigger_key":
			var want bool
			require.NoError(t, json.Unmarshal(s.Key, &want))
			require.Equal(t, want, strings.Contains(s.Parts[0], ":EXPTRIGGER:"))
			if _, ok := python.Trigger.Parse(s.Parts[0]); ok {
				require.True(t, want)
			}
			parsed++
		default:
			b, known := builders[s.Builder]
			require.True(t, known, s.Builder)
			var want string
			require.NoError(t, json.Unmarshal(s.Key, &want))
			key, err := b.python.Key(s.Parts...)
			if slices.Contains(s.Parts, "") {
				require.ErrorIs(t, err, keyspace.ErrInvalidKey)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, key, s.Builder)
			if !strings.ContainsAny(strings.Join(s.Parts, ""), ":%") {
				key, err = b.ours.Key(s.Parts...)
				require.NoError(t, err)
				require.Equal(t, want, key, s.Builder)
			}
			built++
		}
	}
	require.Equal(t, 21, built)
	require.Equal(t, 11, parsed)
}

// Keys of whole records, which show what the builders above do not: the state
// and the user of a shared state lose their colons, those of a state do not.
func TestPythonRecords(t *testing.T) {
	l := keyspace.Python()
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
	} {
		key, err := tc.pattern.Key(tc.parts...)
		require.NoError(t, err)
		require.Equal(t, tc.want, key)
	}
}

// No key of one pattern is a key of another, Generic apart.
func TestPatternsOfALayoutAreDisjoint(t *testing.T) {
	for name, l := range map[string]keyspace.Layout{"Default": keyspace.Default(), "Cluster": keyspace.Cluster()} {
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
				require.NoError(t, err)
				require.NotRegexp(t, "^%[a-z]", key)
				for _, other := range all {
					if other != p {
						_, ok := other.Parse(key)
						require.False(t, ok, "%q is a key of %s and of %s", key, p, other)
					}
				}
			})
		})
	}
}

func TestClusterRefusesBraces(t *testing.T) {
	for _, p := range patterns(keyspace.Cluster()) {
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

func TestClusterKeepsTogetherWhatChangesTogether(t *testing.T) {
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

func TestLayoutsCompare(t *testing.T) {
	require.True(t, keyspace.Layout{}.IsZero())
	for _, l := range []keyspace.Layout{keyspace.Default(), keyspace.Python(), keyspace.Cluster()} {
		require.False(t, l.IsZero())
		for _, p := range patterns(l) {
			require.NotEmpty(t, p.String())
			require.Equal(t, l == keyspace.Python(), p.IsPython())
		}
	}
	require.True(t, keyspace.Default() == keyspace.Default())
	require.False(t, keyspace.Default() == keyspace.Python())
	require.False(t, keyspace.Layout{User: keyspace.Default().User}.IsZero())
}
