package keyspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/keyspace"
)

// globMatch reports whether a glob matches s, by the algorithm of
// stringmatchlen in Redis, case-sensitive.
func globMatch(glob, s string) bool {
	for len(glob) > 0 && len(s) > 0 {
		switch glob[0] {
		case '*':
			for len(glob) > 1 && glob[1] == '*' {
				glob = glob[1:]
			}
			if len(glob) == 1 {
				return true
			}
			for ; len(s) > 0; s = s[1:] {
				if globMatch(glob[1:], s) {
					return true
				}
			}
			return false
		case '?':
			s = s[1:]
		case '[':
			glob = glob[1:]
			not := len(glob) > 0 && glob[0] == '^'
			if not {
				glob = glob[1:]
			}
			match := false
			for len(glob) > 0 && glob[0] != ']' {
				switch {
				case glob[0] == '\\' && len(glob) >= 2:
					glob = glob[1:]
					match = match || glob[0] == s[0]
				case len(glob) >= 3 && glob[1] == '-':
					low, high := min(glob[0], glob[2]), max(glob[0], glob[2])
					glob = glob[2:]
					match = match || low <= s[0] && s[0] <= high
				default:
					match = match || glob[0] == s[0]
				}
				glob = glob[1:]
			}
			if match == not {
				return false
			}
			s = s[1:]
		default:
			if glob[0] == '\\' && len(glob) >= 2 {
				glob = glob[1:]
			}
			if glob[0] != s[0] {
				return false
			}
			s = s[1:]
		}
		if len(glob) > 0 {
			glob = glob[1:]
		}
		if len(s) == 0 {
			for len(glob) > 0 && glob[0] == '*' {
				glob = glob[1:]
			}
		}
	}
	return len(glob) == 0 && len(s) == 0
}

func TestGlobMatchFollowsRedis(t *testing.T) {
	for _, tc := range []struct {
		glob, s string
		want    bool
	}{
		{"*", "abc", true}, {"a*c", "abc", true}, {"a*c", "abd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"[ab]", "a", true}, {"[^ab]", "a", false}, {"[a-c]x", "bx", true}, {`\*`, "*", true}, {`\*`, "a", false},
		{`[\]]`, "]", true}, {"[]", "", false}, {"[]", "[]", false}, {"[]", "]", false}, {`\\`, `\`, true}, {"a**", "a", true},
	} {
		require.Equal(t, tc.want, globMatch(tc.glob, tc.s), "%q %q", tc.glob, tc.s)
	}
}

// Without Any, a glob matches the key and nothing else. With Any, it matches
// the key too.
func TestGlobMatchesItsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compile := rapid.SampledFrom([]func(string) (keyspace.Pattern, error){
			keyspace.Compile, python, ambiguous,
		}).Draw(t, "compile")
		p := must(compile(drawTemplate(t)))
		one, other := drawParts(t, p, "one"), drawParts(t, p, "other")
		key, err := p.Key(one...)
		if err != nil {
			require.False(t, globMatch(p.Glob(one...), p.Glob(one...)))
			return
		}
		require.True(t, globMatch(p.Glob(one...), key), "%q does not match %q", p.Glob(one...), key)

		for i := range other {
			mixed := append([]string(nil), one...)
			mixed[i] = other[i]
			if second, err := p.Key(mixed...); err == nil {
				require.Equal(t, key == second, globMatch(p.Glob(one...), second), "%q and %q", p.Glob(one...), second)
				mixed[i] = keyspace.Any
				require.True(t, globMatch(p.Glob(mixed...), second))
				require.True(t, globMatch(p.Glob(mixed...), key))
			}
		}
	})
}

func TestGlob(t *testing.T) {
	l := keyspace.Default()
	const anything = keyspace.Any
	for _, tc := range []struct {
		pattern keyspace.Pattern
		parts   []string
		want    string
	}{
		{l.User, []string{"acme", anything}, "acme:user:*"},
		{l.User, []string{anything, anything}, "*:user:*"},
		{l.User, []string{anything, "u1"}, "*:user:u1"},
		{l.User, []string{"acme", "*"}, `acme:user:\*`},
		{l.User, []string{`*?[]\^-`, "a-b"}, `\*\?\[\]\\^-:user:a-b`},
		{l.User, []string{"a:b", anything}, "a%3Ab:user:*"},
		{l.SharedState, []string{"acme", anything, "u:1"}, "acme:SS:*:u:1"},
		{l.PendingSet, []string{anything}, "pending_batches:*"},
		{keyspace.Cluster().PendingSet, []string{anything}, "pending_batches:{*}"},
		{keyspace.Cluster().Trigger, []string{"acme", anything, anything, "42"}, "acme{*}:EXPTRIGGER:*:42"},
		{lenient.Trigger, []string{"a:b", "c:d", anything}, "a:b:EXPTRIGGER:c_d:*"},
		{keyspace.MustCompile("a*b:{id}"), []string{anything}, `a\*b:*`},

		{l.User, []string{"", anything}, "[]"},
		{l.User, []string{"acme", ""}, "[]"},
		{l.User, []string{"a\x00", anything}, "[]"},
		{l.User, []string{"acme"}, "[]"},
		{l.User, nil, "[]"},
		{l.User, []string{"a", "b", "c"}, "[]"},
		{keyspace.Cluster().User, []string{"{", anything}, "[]"},
		{keyspace.Python().User, []string{"%lease", anything}, "[]"},
		{keyspace.Pattern{}, []string{anything}, "[]"},
	} {
		require.Equal(t, tc.want, tc.pattern.Glob(tc.parts...))
	}
	require.Equal(t, `a\*:user:*`, bind(l.User, "a*").Glob())
	require.Equal(t, "[]", keyspace.Space{}.Glob())
}

func TestStarInAnIDMatchesOnlyItself(t *testing.T) {
	p := keyspace.Default().Trigger
	glob := p.Glob("acme", keyspace.Any, "*")
	require.True(t, globMatch(glob, "acme:EXPTRIGGER:send:*"))
	require.False(t, globMatch(glob, "acme:EXPTRIGGER:send:42"))
}
