package acl_test

import (
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/redistest"
)

// If a script may not run a command, the error names the command. If the line
// of the script calls several commands, the error names all of them.
func TestExplainNamesTheCommandOfAScript(t *testing.T) {
	s := redistest.Server(t)
	c, done := s.Client(t, 0).Dedicate() // one connection, that of joe
	defer done()
	for _, command := range [][]string{{"SET", "x", "1"}, {"ACL", "SETUSER", "joe", "on", "nopass", "~*", "+eval", "+get"}, {"AUTH", "joe", "any"}} {
		require.NoError(t, c.Do(t.Context(), c.B().Arbitrary(command...).Build()).Error())
	}
	helped := "local function size(key, command)\n return redis.call(command, key)\nend\n"
	for source, said := range map[string]string{
		"return redis.call('ZCARD', KEYS[1])":                                                                      "it may not run ZCARD",
		"redis.call('GET', KEYS[1])\nreturn redis.call('ZCARD', KEYS[1])":                                          "it may not run ZCARD",
		"return redis.call('TYPE', KEYS[1]) and redis.call('PERSIST', KEYS[1])":                                    "one of PERSIST, TYPE;",
		helped + "return size(KEYS[1], 'HLEN')":                                                                    "it may not run HLEN",
		helped + "redis.call('GET', KEYS[1])\nreturn size(KEYS[1], 'ZCARD')":                                       "one of GET, ZCARD;",
		"local command = #KEYS == 1 and 'HSCAN' or 'ZSCAN'\nreturn redis.call(command, KEYS[1], 0)":                "one of HSCAN, ZSCAN;",
		"local function noted(command, key)\n return redis.call(command, key)\nend\nreturn noted('LLEN', KEYS[1])": "it may not run LLEN",
	} {
		err := acl.Explain(eval(t, c, source))
		require.ErrorIs(t, err, acl.ErrNoPermission, source)
		require.ErrorContains(t, err, said, source)
	}
}

// Nothing was changed before the command that a script calls first.
func TestExplainKnowsTheFirstCommandOfAScript(t *testing.T) {
	s := redistest.Server(t)
	c, done := s.Client(t, 0).Dedicate()
	defer done()
	for _, command := range [][]string{{"ACL", "SETUSER", "joe", "on", "nopass", "~*", "+eval", "+get", "+set"}, {"AUTH", "joe", "any"}} {
		require.NoError(t, c.Do(t.Context(), c.B().Arbitrary(command...).Build()).Error())
	}
	for source, after := range map[string]bool{
		"-- A comment.\nlocal n = redis.call('ZCARD', KEYS[1])\nreturn n":             false,
		"return redis.call('SET', KEYS[1], 1) and redis.call('ZCARD', KEYS[1])":       true,
		"redis.call('SET', KEYS[1], 1)\nreturn redis.call('ZCARD', KEYS[1])":          true,
		"for i = 1, 2 do\n redis.call(({'GET', 'ZCARD'})[i], KEYS[1])\nend\nreturn 1": true,
	} {
		var denied *acl.Error
		require.ErrorAs(t, acl.Explain(eval(t, c, source)), &denied, source)
		require.Equal(t, after, denied.AfterOthers, source)
	}
}

func eval(t *testing.T, c rueidis.DedicatedClient, source string) error {
	return c.Do(t.Context(), c.B().Eval().Script(acl.RegisterScript(source)).Numkeys(1).Key("x").Build()).Error()
}
