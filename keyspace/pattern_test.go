package keyspace_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/keyspace"
)

// pieces make up parts that are difficult for a pattern: separators, escapes
// and text that resembles them, glob characters, and the reserved prefix.
var pieces = []string{
	"a", "b", "_", ":", "%", "%3A", "%3a", "%25", "%lease:", "::", "*", "?", "[", "]", `\`, "^", "-", " ",
	"ñ🚀", "\xff", "\n", "user", ":user:", ":SS:", ":EXPTRIGGER:", "s}:", "%2", "{", "}",
}

func drawPart(t *rapid.T, label string) string {
	n := rapid.IntRange(1, 4).Draw(t, label)
	var b strings.Builder
	for range n {
		b.WriteString(rapid.SampledFrom(pieces).Draw(t, label))
	}
	return b.String()
}

func drawParts(t *rapid.T, p keyspace.Pattern, label string) []string {
	parts := make([]string, len(p.Params()))
	for i := range parts {
		parts[i] = drawPart(t, label)
	}
	return parts
}

// drawTemplate draws a template that Compile accepts.
func drawTemplate(t *rapid.T) string {
	literals := []string{":", ":user:", "x:", ":x", "%:", "%25:", ":%3A:", "::"}
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"", "", "p", "p:", "%own:", "p%25"}).Draw(t, "prefix"))
	n := rapid.IntRange(1, 4).Draw(t, "params")
	tag := rapid.IntRange(-4, n-1).Draw(t, "tag")
	names := rapid.SampledFrom([][]string{
		{"a", "b", "c", "d"}, {"tenant", "action", "id", "x"}, {"x", "y", "state", "user"}, {"action", "id", "state", "user"},
		{"tenant", "table", "pk", "x"},
	}).Draw(t, "names")
	for i := range n {
		name := names[i]
		if i > 0 && (i != tag || rapid.Bool().Draw(t, "apart")) {
			b.WriteString(rapid.SampledFrom(literals).Draw(t, "literal"))
		}
		if i == tag {
			name = "{" + name + "}"
		}
		b.WriteString("{" + name + "}")
	}
	b.WriteString(rapid.SampledFrom([]string{"", "", ":end", "x", "%"}).Draw(t, "suffix"))
	return b.String()
}

// requireReversible checks the property of every pattern of Compile: Parse
// returns the parts that Key was called with, and different parts make
// different keys.
func requireReversible(t require.TestingT, p keyspace.Pattern, one, other []string) {
	key, err := p.Key(one...)
	if err != nil {
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		return
	}
	parts, ok := p.Parse(key)
	require.True(t, ok, "%s does not parse its key %q", p, key)
	require.Equal(t, one, parts, "%s parsed %q", p, key)

	second, err := p.Key(other...)
	if err == nil && second == key {
		require.Equal(t, one, other, "%s makes %q for both", p, key)
	}
}

// requireCanonical checks the property of every pattern: if Parse accepts a
// text, Key returns exactly this text for its parts.
func requireCanonical(t require.TestingT, p keyspace.Pattern, text string) {
	parts, ok := p.Parse(text)
	if !ok {
		require.Nil(t, parts)
		return
	}
	key, err := p.Key(parts...)
	require.NoError(t, err, "%s parsed %q from %q", p, parts, text)
	require.Equal(t, text, key, "%s parsed %q", p, parts)
}

func checkGeneratedTemplate(t *rapid.T) {
	template := drawTemplate(t)
	p, err := keyspace.Compile(template)
	require.NoError(t, err)
	one, other := drawParts(t, p, "one"), drawParts(t, p, "other")
	if rapid.Bool().Draw(t, "alike") {
		copy(other[1:], one[1:])
	}
	requireReversible(t, p, one, other)

	// A text that is nearly a key is the most likely to be accepted by mistake.
	key, err := p.Key(one...)
	if err != nil {
		return
	}
	at := rapid.IntRange(0, len(key)).Draw(t, "at")
	requireCanonical(t, p, key[:at]+rapid.SampledFrom(append(pieces, "")).Draw(t, "piece")+key[at:])
	requireCanonical(t, p, key[at:]+key[:at])
	requireCanonical(t, p, key[:at])

	strict, err := keyspace.CompilePython(template)
	require.NoError(t, err)
	requireReversible(t, strict, one, other)
	python, err := keyspace.CompilePython(template, keyspace.AllowAmbiguous)
	require.NoError(t, err)
	if key, err := python.Key(one...); err == nil {
		_, ok := python.Parse(key)
		require.True(t, ok, "%s does not parse its key %q", python, key)
		requireCanonical(t, python, key[:at%len(key)])
		plain := !slices.ContainsFunc(one, func(s string) bool { return strings.ContainsAny(s, ":%") })
		if want, err := p.Key(one...); plain {
			require.NoError(t, err)
			require.Equal(t, want, key)
		}
	}
}

func TestGeneratedTemplatesAreReversible(t *testing.T) { rapid.Check(t, checkGeneratedTemplate) }

func FuzzGeneratedTemplates(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkGeneratedTemplate)) }

func FuzzDefault(f *testing.F) {
	f.Add("acme", "user", "u1", "x", "acme", "user:u1", "x", "y")
	f.Add("a:b", "c", "d", "e", "a", "b:c", "d", "e")
	f.Add("a%3Ab", "%", "%25", ":", "a:b", "%25", "%", "%3A")
	f.Add("%lease:{x", "a}", "b", "c", "acme", "x}", "{", "}")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i string) {
		one, other := []string{a, b, c, d}, []string{e, g, h, i}
		for _, l := range []keyspace.Layout{keyspace.Default(), keyspace.Cluster(), keyspace.ClusterByTenant()} {
			for _, p := range patterns(l) {
				n := len(p.Params())
				requireReversible(t, p, one[:n], other[:n])
				requireCanonical(t, p, a)
				requireCanonical(t, p, a+":"+b)
				requireCanonical(t, p, a+":EXPTRIGGER:"+b+":"+c)
				requireCanonical(t, p, "{"+a+"}:user:"+b)
			}
		}
	})
}

func FuzzPython(f *testing.F) {
	f.Add("t", "a:b", "c", "d")
	f.Add("a:EXPTRIGGER:b", "x", "y", "z")
	f.Add(":", ":SS:", ":", ":")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		parts := []string{a, b, c, d}
		for _, p := range patterns(keyspace.Python()) {
			n := len(p.Params())
			requireReversible(t, p, parts[:n], []string{b, a, d, c}[:n])
			requireCanonical(t, p, a+":SS:"+b+":"+c)
		}
		for _, p := range patterns(lenient) {
			requireCanonical(t, p, a)
			requireCanonical(t, p, a+":SS:"+b+":"+c)
			key, err := p.Key(parts[:len(p.Params())]...)
			if err != nil {
				continue
			}
			_, ok := p.Parse(key)
			require.True(t, ok, "%s does not parse its key %q", p, key)
		}
	})
}

func TestKey(t *testing.T) {
	for _, tc := range []struct {
		template string
		parts    []string
		want     string
	}{
		{"{tenant}:user:{id}", []string{"acme", "u1"}, "acme:user:u1"},
		{"{tenant}:user:{id}", []string{"t", "a:b%"}, "t:user:a:b%"},
		{"{tenant}:user:{id}", []string{"a:b", "u"}, "a%3Ab:user:u"},
		{"{tenant}:user:{id}", []string{"a%3Ab", "u"}, "a%253Ab:user:u"},
		{"{tenant}:user:{id}", []string{"{a}", "{b}"}, "{a}:user:{b}"},
		{"{tenant}:user:{id}", []string{"*", "ñ🚀"}, "*:user:ñ🚀"},
		{"{tenant}:state:{name}:{user}", []string{"a:b", "%", "u:1"}, "a%3Ab:state:%25:u:1"},
		{"pending_batches:{service}", []string{"a:b%"}, "pending_batches:a%3Ab%25"},
		{"pending:{{service}}", []string{"mail"}, "pending:{mail}"},
		{"{tenant}{{shard}}:EXPTRIGGER:{action}:{id}", []string{"acme", "s3", "send", "4:2"}, "acme{s3}:EXPTRIGGER:send:4:2"},
		{"{{tenant}}:user:{id}", []string{"a:b", "c:d"}, "{a%3Ab}:user:c:d"},
		{"%exp{{shard}}:due:{action}", []string{"s3", "a:b"}, "%exp{s3}:due:a%3Ab"},
		{"{id}", []string{"a:b%c"}, "a:b%c"},
		{"{id}", []string{"%25"}, "%25"},
		{"{id}.json", []string{"a"}, "a.json"},
	} {
		p := keyspace.MustCompile(tc.template)
		key, err := p.Key(tc.parts...)
		require.NoError(t, err, tc.template)
		require.Equal(t, tc.want, key)
		parts, ok := p.Parse(key)
		require.True(t, ok, key)
		require.Equal(t, tc.parts, parts)
	}
}

func TestKeyErrors(t *testing.T) {
	user := keyspace.MustCompile("{tenant}:user:{id}")
	tagged := keyspace.MustCompile("q:{{service}}:{id}")
	for _, tc := range []struct {
		pattern  keyspace.Pattern
		parts    []string
		contains []string
	}{
		{user, []string{"", "u"}, []string{"invalid key: the tenant is empty; give it a value"}},
		{user, []string{"t", ""}, []string{"invalid key: the id is empty"}},
		{user, []string{"t", "a\x00b"}, []string{`the id "a\x00b" of "{tenant}:user:{id}"`, "NUL", "remove it"}},
		{user, []string{keyspace.Any, "u"}, []string{"the tenant of", "Any", "Bind and Glob"}},
		{user, []string{"t"}, []string{"is 1; pass 2: tenant, id"}},
		{user, []string{"t", "a", "b"}, []string{"is 3"}},
		{user, nil, []string{"is 0; pass 2"}},
		{user, []string{"t", strings.Repeat("long", 10) + "\x00"}, []string{`the id "` + strings.Repeat("long", 8) + `"... of`}},
		{tagged, []string{"a{b", "x"}, []string{`the service "a{b" of`, "brace"}},
		{tagged, []string{"a", "x}"}, []string{`the id "x}"`, "brace"}},
		{keyspace.MustCompile("{id}"), []string{"%lease:x"}, []string{`the id "%lease:x"`, "reserved for the library"}},
		{must(keyspace.CompilePython("{t}:user:{id}")), []string{"%lease", "x"}, []string{`the t "%lease"`, "reserved for the library"}},
		{must(keyspace.CompilePython("{t}exp:{id}")), []string{"%", "x"}, []string{`the t "%"`, "reserved for the library"}},
		{keyspace.Pattern{}, []string{"a"}, []string{"Compile"}},
	} {
		key, err := tc.pattern.Key(tc.parts...)
		require.Empty(t, key)
		require.ErrorIs(t, err, keyspace.ErrInvalidKey)
		for _, text := range tc.contains {
			require.ErrorContains(t, err, text)
		}
		require.Less(t, len(err.Error()), 200)
	}
}

// Key returns an error if and only if CheckPart does for one of the parts, and
// it is the same error.
func TestCheckPartAgreesWithKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compile := rapid.SampledFrom([]func(string) (keyspace.Pattern, error){
			keyspace.Compile, python, ambiguous,
		}).Draw(t, "compile")
		p := must(compile(drawTemplate(t)))
		parts := drawParts(t, p, "part")
		_, err := p.Key(parts...)
		var messages []string
		for i, part := range parts {
			if err := p.CheckPart(i, part); err != nil {
				require.ErrorIs(t, err, keyspace.ErrInvalidKey)
				messages = append(messages, err.Error())
			}
		}
		if err == nil {
			require.Empty(t, messages, "%s %q", p, parts)
		} else {
			require.Contains(t, messages, err.Error())
		}
	})
}

func TestCheckPart(t *testing.T) {
	user := keyspace.Python().User
	require.NoError(t, user.CheckPart(0, "acme"))
	require.ErrorContains(t, user.CheckPart(0, "%lease"), "reserved for the library")
	require.NoError(t, user.CheckPart(1, "%lease"))
	require.ErrorContains(t, user.CheckPart(0, keyspace.Any), "keyspace.Any")
	require.ErrorContains(t, user.CheckPart(1, ""), "the id is empty")
	for _, i := range []int{-1, 2} {
		require.ErrorIs(t, user.CheckPart(i, "acme"), keyspace.ErrInvalidKey)
	}
	require.ErrorContains(t, user.CheckPart(2, "acme"), "pass an index from 0 to 1")
	err := keyspace.Pattern{}.CheckPart(0, "acme")
	require.ErrorIs(t, err, keyspace.ErrInvalidKey)
	require.ErrorContains(t, err, "keyspace.Compile")
}

func TestParseRejectsTextsThatKeyDoesNotMake(t *testing.T) {
	for template, keys := range map[string][]string{
		"{tenant}:user:{id}": {
			"", ":user:u", "t:user:", "t:user", "t:users:u", "x:t:user:u", "a%3ab:user:u", "a%:user:u", "a%2:user:u",
			"a%41b:user:u", "%:user:u", "t:user:a\x00", "t\x00:user:a", "%lease:user:u",
		},
		"pending_batches:{service}":             {"pending_batches:a:b", "pending_batches:", "pending_batches:%", "xpending_batches:a"},
		"q:{{service}}:{id}":                    {"q:a:b", "q:{}:b", "q:{a:b", "q:{a}:", "q:{a}:b}", "q:{a{}:b"},
		"{tenant}{{shard}}:EXPTRIGGER:{a}:{id}": {"t:EXPTRIGGER:a:b", "{s}:EXPTRIGGER:a:b", "t{}:EXPTRIGGER:a:b", "t{s}:EXPTRIGGER:a", "t{s}{s}:EXPTRIGGER:a:b"},
		"{tenant}:df:{table}:pkid:{pk}":         {"t:df:a:pkid:", "t:df::pkid:a", "t:df:a:b:pkid:c", "t:df:a:pkid"},
		"{id}":                                  {"", "%lease:x", "a\x00"},
		"{a}:x:{b}:end":                         {"a:x:b", "a:x::end", "a:x:end", "a:x:b:endx"},
	} {
		p := keyspace.MustCompile(template)
		for _, key := range keys {
			parts, ok := p.Parse(key)
			require.False(t, ok, "%s parsed %q from %q", template, parts, key)
			require.Nil(t, parts)
		}
	}
	_, ok := keyspace.Pattern{}.Parse("a")
	require.False(t, ok)
}

func TestPythonParse(t *testing.T) {
	l := lenient
	for _, tc := range []struct {
		pattern keyspace.Pattern
		key     string
		parts   []string
	}{
		{l.User, "a:b:user:u", []string{"a:b", "u"}},
		{l.User, "a:user:b:user:c", []string{"a", "b:user:c"}},
		{l.User, "::user::", []string{":", ":"}},
		{l.State, "t:state:a:b:u", []string{"t", "a", "b:u"}},
		{l.State, "t:state:::u", []string{"t", ":", "u"}},
		{l.State, "t:state:a:", nil},
		{l.Trigger, "x:y:EXPTRIGGER:a:i", []string{"x:y", "a", "i"}},
		{l.Trigger, "a:EXPTRIGGER:b:EXPTRIGGER:c:d", []string{"a:EXPTRIGGER:b", "c", "d"}},
		{l.Trigger, "t:EXPTRIGGER:a:b:c", nil},
		{l.SharedState, "t:SS:a_b:u_1", []string{"t", "a_b", "u_1"}},
		{l.SharedState, "t:SS:a:b:u", nil},
		{l.BatchList, "a:b:batch::::::", []string{"a:b", ":", ":", ":"}},
		{l.PendingSet, "pending_batches:a:b", []string{"a:b"}},
		{l.Generic, "t:a:b", []string{"t", "a:b"}},
	} {
		parts, ok := tc.pattern.Parse(tc.key)
		require.Equal(t, tc.parts != nil, ok, tc.key)
		require.Equal(t, tc.parts, parts, tc.key)
	}
}

func TestParseTimeIsBounded(t *testing.T) {
	for _, p := range patterns(keyspace.Python()) {
		p.Parse(strings.Repeat(":", 20_000))
		p.Parse(strings.Repeat(":batch:", 5_000) + "\x00")
	}
	for _, p := range patterns(lenient) {
		p.Parse(strings.Repeat(":", 20_000))
		p.Parse(strings.Repeat(":batch:", 5_000) + "\x00")
	}
}

func TestKeyAllocatesOnlyTheKey(t *testing.T) {
	p := keyspace.Default().Trigger
	for _, parts := range [][]string{{"acme", "send", "42"}, {"a:c", "s%:", "4:2"}} {
		require.Equal(t, 1.0, testing.AllocsPerRun(100, func() { _, _ = p.Key(parts[0], parts[1], parts[2]) }))
	}
}

func must(p keyspace.Pattern, err error) keyspace.Pattern {
	if err != nil {
		panic(err)
	}
	return p
}

func patterns(l keyspace.Layout) []keyspace.Pattern {
	return []keyspace.Pattern{
		l.User, l.State, l.Table, l.SharedState, l.Trigger, l.BatchList, l.PendingSet, l.Generic,
	}
}
