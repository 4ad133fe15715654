package keyspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
)

func TestCompileErrors(t *testing.T) {
	for template, message := range map[string]string{
		"":             "no parameter; add one",
		"abc":          "no parameter",
		"a\x00{b}":     "NUL",
		"{a}:\x00:{b}": "NUL",
		"{a":           `"{a" is not closed`,
		"{{a}":         `"{{a}" is not closed`,
		"{a}}":         "has no {",
		"a}b{c}":       `the } after "a" has no {`,
		"{}":           "has no name",
		"x:{{}}":       "has no name",
		"{{{a}}}":      "is not a valid name",
		"{a{b}}":       "is not a valid name",
		"{a:b}":        "{a:b} is not a valid name",
		"{ a }":        "is not a valid name",
		"{a}:{a}":      "{a} appears twice",
		"{a}:{{a}}":    "twice",
		"{{a}}:{{b}}":  "second hash tag",
		"{{a}}{{b}}":   "second hash tag",
		"{a}{b}":       "between {a} and {b}",
		"{a}x{b}":      "put a : there",
		"{{a}}{b}":     "between {a} and {b}",
		"{a}x{{b}}":    "between {a} and {b}",
		"%{a}:x":       "begins with a %",
		"%25:{a}":      "begins with a %",
		"%3A:{a}":      "begins with a %",
		"%A:{a}":       "begins with a %",
	} {
		for _, compile := range []func(string) (keyspace.Pattern, error){keyspace.Compile, python, ambiguous} {
			p, err := compile(template)
			require.ErrorContains(t, err, message, template)
			require.NotErrorIs(t, err, keyspace.ErrInvalidKey)
			require.Zero(t, p)
			if len(template) > 0 && template[0] != 'a' {
				require.ErrorContains(t, err, "keyspace: template ")
			}
		}
		require.Panics(t, func() { keyspace.MustCompile(template) })
	}
}

func TestCompilePythonUnderscores(t *testing.T) {
	for template, want := range map[string]string{
		"{tenant}:X:{action}:{id}":          "a:b:X:a_b:a_b",
		"app:{tenant}:X:{action}:{id}":      "app:a:b:X:a_b:a_b",
		"{tenant}:S:{state}:{user}":         "a:b:S:a_b:a_b",
		"{tenant}:H:{name}:{user}":          "a:b:H:a:b:a:b",
		"{tenant}:U:{id}":                   "a:b:U:a:b",
		"{tenant}:q:{service}:{e}:{action}": "a:b:q:a:b:a:b:a:b",
		"{action}:{x}:{id}":                 "a:b:a:b:a:b",
		"{id}:{action}":                     "a:b:a:b",
		"{tenant}:T:{table}:{pk}":           "a:b:T:a_b:a_b",
		"{table}:{x}:{pk}":                  "a:b:a:b:a:b",
		"{user}:{state}":                    "a:b:a:b",
		"P:{service}":                       "P:a:b",
		"%exp:{action}:{id}":                "%exp:a_b:a_b",
	} {
		p := must(keyspace.CompilePython(template, keyspace.AllowAmbiguous))
		parts := make([]string, len(p.Params()))
		for i := range parts {
			parts[i] = "a:b"
		}
		key, err := p.Key(parts...)
		require.NoError(t, err)
		require.Equal(t, want, key, template)
		require.True(t, p.IsPython())
	}
}

func TestPatternDescribesItself(t *testing.T) {
	p := keyspace.Cluster().Trigger
	require.Equal(t, "{tenant}{{shard}}:EXPTRIGGER:{action}:{id}", p.String())
	require.Equal(t, []string{"tenant", "shard", "action", "id"}, p.Params())
	require.Equal(t, "shard", p.HashTag())
	require.Empty(t, keyspace.Default().Trigger.HashTag())
	require.False(t, p.IsPython())

	var zero keyspace.Pattern
	require.Empty(t, zero.String())
	require.Empty(t, zero.Params())
	require.Empty(t, zero.HashTag())
	require.False(t, zero.IsPython())
}
