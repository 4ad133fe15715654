package embedded

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/pool"
)

// digest returns the name of a script.
func digest(source string) string {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // Redis names scripts by it
	return hex.EncodeToString(sum[:])
}

// A script of this module replies as it does in miniredis itself.
func TestScriptsReplyLikeMiniredis(t *testing.T) {
	ctx := t.Context()
	pools, err := Open(ctx, pool.Config{})
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	c, err := pools.Client(pool.Expiry) // not the first database
	require.NoError(t, err)
	require.NoError(t, c.Do(ctx, c.B().Rpush().Key("list").Element("a", "b").Build()).Error())
	for name, body := range map[string]string{
		"nothing":        "return nil",
		"no return":      "local a = 1",
		"true":           "return true",
		"false":          "return false",
		"number":         "return 3.7",
		"text":           "return 'a\\r\\nb'",
		"array":          "return {1, 'a', {2, 'b'}, false, nil, 3}",
		"status":         "return redis.status_reply('fine')",
		"error":          "return redis.error_reply('MINE is wrong')",
		"error word":     "return redis.error_reply('wrong')",
		"keys":           "return {KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}",
		"sha1":           "return redis.sha1hex('x')",
		"read":           "return redis.call('LRANGE', 'list', 0, -1)",
		"number reply":   "return redis.call('LLEN', 'list') + 1",
		"missing":        "return tostring(redis.call('GET', 'missing'))",
		"ok":             "return redis.call('SET', 'x', 1.5).ok",
		"wrong type":     "return redis.call('GET', 'list')",
		"wrong type err": "return redis.pcall('GET', 'list').err",
		"pcall":          "return redis.pcall('GET', 'list')",
		"raised":         "error('broken')",
		"nil index":      "local a; return a.b",
		"no command":     "return redis.call()",
		"table argument": "return redis.call('GET', {})",
		"unknown":        "return redis.pcall('NONSENSE')",
	} {
		t.Run(name, func(t *testing.T) {
			source := acl.RegisterScript(body + " -- " + t.Name())
			theirs, errTheirs := c.Do(ctx, c.B().Eval().Script(source).Numkeys(1).Key("k").Arg("1", "2").Build()).ToAny()
			ours, errOurs := c.Do(ctx, c.B().Evalsha().Sha1(digest(source)).Numkeys(1).Key("k").Arg("1", "2").Build()).ToAny()
			require.Equal(t, theirs, ours)
			if errTheirs == nil {
				require.NoError(t, errOurs)
			} else {
				require.Error(t, errOurs)
			}
		})
	}
}

// In a transaction, and with functions that only miniredis has, miniredis runs
// the script.
func TestScriptsThatMiniredisRuns(t *testing.T) {
	s, err := startServer()
	require.NoError(t, err)
	t.Cleanup(s.release)
	require.NotNil(t, s.scripts, "this version of miniredis is not known")
	require.True(t, usesOnlyOurs("redis.call('GET', KEYS[1]); redis.pcall('x')"))
	for _, source := range []string{"return cjson.encode({})", "redis.log(redis.LOG_NOTICE, '')", "return redis.setresp(3)"} {
		require.False(t, usesOnlyOurs(source), source)
	}

	pools, err := s.open(t.Context(), pool.Config{})
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	source := acl.RegisterScript("return redis.call('INCR', KEYS[1]) -- " + t.Name())
	script := rueidis.NewLuaScript(source)
	require.NoError(t, c.Do(t.Context(), c.B().ScriptLoad().Script(source).Build()).Error())
	err = c.Dedicated(func(d rueidis.DedicatedClient) error {
		replies := d.DoMulti(t.Context(), d.B().Multi().Build(),
			d.B().Evalsha().Sha1(digest(source)).Numkeys(1).Key("n").Build(), d.B().Get().Key("n").Build(), d.B().Exec().Build())
		queued, err := replies[1].ToString()
		require.NoError(t, err)
		require.Equal(t, "QUEUED", queued)
		values, err := replies[3].ToArray()
		require.NoError(t, err)
		require.Len(t, values, 2)
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, s.scripts.functions)
	n, err := script.Exec(t.Context(), c, []string{"n"}, nil).AsInt64()
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Len(t, s.scripts.functions, 1)
}
