package embedded_test

import (
	"context"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func open(t *testing.T, cfg pool.Config) *pool.Pools {
	t.Helper()
	pools, err := embedded.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	return pools
}

func client(t *testing.T, pools *pool.Pools, a pool.Alias) rueidis.Client {
	t.Helper()
	c, err := pools.Client(a)
	require.NoError(t, err)
	return c
}

func TestAliasesDoNotShareData(t *testing.T) {
	pools := open(t, pool.Config{Databases: map[pool.Alias]int{"jobs": 42}})
	require.Len(t, pools.Aliases(), 7)
	require.True(t, pools.Layout() == keyspace.Default())
	require.NoError(t, pools.Ping(t.Context()))
	for _, a := range pools.Aliases() {
		c := client(t, pools, a)
		require.Equal(t, rueidis.ClientModeStandalone, c.Mode())
		require.Empty(t, pools.Prefix(a))
		require.NoError(t, c.Do(t.Context(), c.B().Set().Key("x").Value(string(a)).Build()).Error())
	}
	for _, a := range pools.Aliases() {
		c := client(t, pools, a)
		got, err := c.Do(t.Context(), c.B().Get().Key("x").Build()).ToString()
		require.NoError(t, err)
		require.Equal(t, string(a), got)
	}
}

func TestServersDoNotShareData(t *testing.T) {
	a, b := client(t, open(t, pool.Config{}), pool.User), client(t, open(t, pool.Config{}), pool.User)
	require.NoError(t, a.Do(t.Context(), a.B().Set().Key("x").Value("1").Build()).Error())
	require.True(t, rueidis.IsRedisNil(b.Do(t.Context(), b.B().Get().Key("x").Build()).Error()))
}

func TestKeysExpire(t *testing.T) {
	pooltest.Long(t)
	c := client(t, open(t, pool.Config{}), pool.User)
	ctx := t.Context()
	start := time.Now()
	at := start.Add(3 * time.Second)
	require.NoError(t, c.Do(ctx, c.B().Set().Key("short").Value("1").Px(time.Second).Build()).Error())
	require.NoError(t, c.Do(ctx, c.B().Set().Key("at").Value("1").PxatMillisecondsTimestamp(at.UnixMilli()).Build()).Error())
	require.NoError(t, c.Do(ctx, c.B().Set().Key("long").Value("1").Px(time.Hour).Build()).Error())

	expired := func(key string) func() bool {
		return func() bool {
			n, err := c.Do(ctx, c.B().Exists().Key(key).Build()).AsInt64()
			require.NoError(t, err)
			return n == 0
		}
	}
	require.False(t, expired("short")())
	require.Eventually(t, expired("short"), 10*time.Second, time.Millisecond)
	require.False(t, expired("at")())
	require.Eventually(t, expired("at"), 10*time.Second, time.Millisecond)
	require.WithinDuration(t, at, time.Now(), 10*time.Second)

	left, err := c.Do(ctx, c.B().Pttl().Key("long").Build()).AsInt64()
	require.NoError(t, err)
	require.InDelta(t, (time.Hour - time.Since(start)).Milliseconds(), left, 10_000)
	due, err := c.Do(ctx, c.B().Pexpiretime().Key("long").Build()).AsInt64()
	require.NoError(t, err)
	now, err := c.Do(ctx, c.B().Time().Build()).AsStrSlice()
	require.NoError(t, err)
	seconds, err := strconv.ParseInt(now[0], 10, 64)
	require.NoError(t, err)
	require.InDelta(t, seconds*1000+left, due, 2000)
}

func TestOpenRefusesAURL(t *testing.T) {
	_, err := embedded.Open(t.Context(), pool.Config{URL: "redis://u:hunter2@h", URLs: map[pool.Alias]string{"user": "redis://h"}})
	require.ErrorContains(t, err, "Config.URL: ")
	require.ErrorContains(t, err, "Config.URLs: ")
	require.NotContains(t, err.Error(), "hunter2")
	var mistake *pool.ConfigError
	require.ErrorAs(t, err, &mistake)
}

func TestOpenStopsTheServerOnAnError(t *testing.T) {
	_, err := embedded.Open(t.Context(), pool.Config{Timeout: -1})
	var mistake *pool.ConfigError
	require.ErrorAs(t, err, &mistake)
	require.Equal(t, "Timeout", mistake.Field)
	requireNoGoroutines(t)
}

func TestCloseStopsTheServer(t *testing.T) {
	var mu sync.Mutex
	var addr string
	pools, err := embedded.Open(t.Context(), pool.Config{NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		mu.Lock()
		addr = opt.InitAddress[0]
		mu.Unlock()
		return rueidis.NewClient(opt)
	}})
	require.NoError(t, err)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	pools.Close()
	pools.Close()
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
	requireNoGoroutines(t)
}

func TestOpenStopsTheServerWhenItsContextEnds(t *testing.T) {
	release := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := embedded.Open(ctx, pool.Config{NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		cancel()
		<-release
		return rueidis.NewClient(opt)
	}})
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	requireNoGoroutines(t)
}

// requireNoGoroutines waits until no goroutine of a client, of the pools or of
// the server is left.
func requireNoGoroutines(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := goroutinesOfPools()
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
	}
}

func goroutinesOfPools() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		ours := strings.Contains(stack, "redis/rueidis") || strings.Contains(stack, "pool/embedded.") || strings.Contains(stack, "miniredis")
		if ours && !strings.Contains(stack, "requireNoGoroutines") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// SCAN finds keys with characters that a regular expression cannot contain.
func TestScanFindsEveryName(t *testing.T) {
	pools := open(t, pool.Config{})
	c := client(t, pools, pool.User)
	names := []string{"\xff\xfe", `\E`, `\E(`, `a\Q\E[`, `\`, `\\`, "é\xff", `[a]`, `*`, "\n"}
	for _, tenant := range names {
		key, err := keyspace.Default().User.Key(tenant, "u")
		require.NoError(t, err)
		require.NoError(t, c.Do(t.Context(), c.B().Set().Key(key).Value("x").Build()).Error())
	}
	for _, tenant := range names {
		glob := keyspace.Default().User.Glob(tenant, keyspace.Any)
		page, err := c.Do(t.Context(), c.B().Scan().Cursor(0).Match(glob).Count(100).Build()).AsScanEntry()
		require.NoError(t, err)
		key, err := keyspace.Default().User.Key(tenant, "u")
		require.NoError(t, err)
		require.Contains(t, page.Elements, key, "%q", tenant)
		keys, err := c.Do(t.Context(), c.B().Keys().Pattern(glob).Build()).AsStrSlice()
		require.NoError(t, err)
		require.Contains(t, keys, key, "%q", tenant)
	}
	for _, glob := range []string{"\\\xff*", "[\xff]*", "\\é\xff*", `*\`} {
		require.NoError(t, c.Do(t.Context(), c.B().Keys().Pattern(glob).Build()).Error(), "%q", glob)
	}
}

// XADD refuses an id `<ms>-*` before the last entry, as Redis does.
func TestPartialStreamIDs(t *testing.T) {
	c := client(t, open(t, pool.Config{}), pool.PubSub)
	add := func(args ...string) (string, error) {
		return c.Do(t.Context(), c.B().Arbitrary("XADD").Keys("x").Args(append(args, "f", "v")...).Build()).ToString()
	}
	for _, id := range []string{"5-7", "5-8", "5-9"} {
		arg := "5-*"
		if id == "5-7" {
			arg = id
		}
		got, err := add("NOMKSTREAM", "MAXLEN", "=", "2", arg)
		if id == "5-7" {
			require.True(t, rueidis.IsRedisNil(err), "there is no stream")
			got, err = add(arg)
		}
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	for _, args := range [][]string{{"4-*"}, {"NOMKSTREAM", "4-*"}, {"MAXLEN", "~", "2", "0-*"}, {"nomkstream", "MINID", "1-1", "4-*"}} {
		_, err := add(args...)
		require.ErrorContains(t, err, "equal or smaller than the target stream top item", args)
	}
	got, err := add("6-*")
	require.NoError(t, err)
	require.Equal(t, "6-0", got)
	_, err = add("x-*")
	require.ErrorContains(t, err, "Invalid stream ID")
}
