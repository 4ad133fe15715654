package pool_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

func TestEachAliasUsesItsDatabase(t *testing.T) {
	s := redistest.Server(t)
	pools, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Databases: map[pool.Alias]int{"jobs": 3}})
	require.NoError(t, err)
	defer pools.Close()
	require.NoError(t, pools.Ping(t.Context()))
	want := map[pool.Alias]string{
		"jobs": " db=3 ", pool.Default: " db=15 ", pool.User: " db=11 ", pool.Handlers: " db=10 ",
		pool.SharedState: " db=9 ", pool.Expiry: " db=8 ", pool.PubSub: " db=7 ",
	}
	for a, db := range want {
		c, err := pools.Client(a)
		require.NoError(t, err)
		reply := mustDo(t, c, "CLIENT", "INFO")
		info, _ := reply.ToString()
		require.Contains(t, info, db, a)
		require.Contains(t, info, " name=symphony ", a)
		require.Empty(t, pools.Prefix(a))
	}
}

func TestAliasesConnectConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	wg.Add(len(predefined))
	fs := &fakeClients{err: func(opt rueidis.ClientOption) error {
		if opt.SelectDB != 0 {
			wg.Done()
			wg.Wait() // returns when all six aliases connect
		}
		return nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	pools, err := pool.Open(ctx, pool.Config{NewClient: fs.NewClient})
	require.NoError(t, err)
	pools.Close()
}

func TestServersConnectConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	wg.Add(2)
	fs := &fakeClients{err: func(opt rueidis.ClientOption) error {
		if opt.SelectDB == 0 { // the client that asks whether the server is a cluster
			wg.Done()
			wg.Wait()
		}
		return nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	pools, err := pool.Open(ctx, pool.Config{NewClient: fs.NewClient, URLs: map[pool.Alias]string{
		"user": "redis://u", "expiry": "redis://e",
	}})
	require.NoError(t, err)
	pools.Close()
}

func TestOpenReturnsAnErrorForEachAliasAndClosesTheOthers(t *testing.T) {
	good := redistest.Server(t)
	dead := freeAddr(t)
	_, err := pool.Open(t.Context(), pool.Config{
		URL: good.URL(),
		URLs: map[pool.Alias]string{
			"user": "redis://joe:hunter2@" + dead, "jobs": "redis://joe:hunter2@" + dead,
			"mail": good.URL() + "/99",
		},
	})
	failed := split[*pool.ConnectError](t, err)
	require.Len(t, failed, 3)
	require.Equal(t, pool.Alias("jobs"), failed[0].Alias)
	require.Equal(t, pool.Alias("mail"), failed[1].Alias)
	require.Equal(t, pool.User, failed[2].Alias)
	require.Equal(t, dead, failed[2].Addr)
	require.Contains(t, failed[1].Error(), "mail (database 99) at "+good.Addr())
	require.Contains(t, failed[1].Error(), "DB index is out of range")
	require.ErrorIs(t, failed[2], syscall.ECONNREFUSED)
	require.NotContains(t, err.Error(), "hunter2")
	requireNoGoroutines(t)
	c := good.Client(t, 0)
	require.Eventually(t, func() bool {
		m := mustDo(t, c, "CLIENT", "LIST")
		list, _ := m.ToString()
		return strings.Count(list, "\n") == 1
	}, 10*time.Second, 10*time.Millisecond)
}

func TestOpenClosesAClientThatIsReturnedWithAnError(t *testing.T) {
	f := &fakeClient{}
	_, err := pool.Open(t.Context(), pool.Config{NewClient: func(rueidis.ClientOption) (rueidis.Client, error) {
		return f, errors.New("incomplete")
	}})
	require.ErrorContains(t, err, "incomplete")
	require.Equal(t, 1, f.closed())

	_, err = pool.Open(t.Context(), pool.Config{NewClient: func(rueidis.ClientOption) (rueidis.Client, error) {
		return nil, nil
	}})
	require.ErrorContains(t, err, "NewClient returned neither")
}

func TestOpenEndsWithItsContextAndClosesLaterClients(t *testing.T) {
	release := make(chan struct{})
	var connecting sync.WaitGroup
	connecting.Add(len(predefined))
	fs := &fakeClients{err: func(opt rueidis.ClientOption) error {
		if opt.SelectDB != 0 {
			connecting.Done()
			<-release
		}
		return nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		connecting.Wait()
		cancel()
	}()
	_, err := pool.Open(ctx, pool.Config{NewClient: fs.NewClient, Timeout: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, split[*pool.ConnectError](t, err), len(predefined))
	close(release)
	require.Eventually(t, func() bool { return len(fs.all()) == 1+len(predefined) && len(fs.open()) == 0 }, 30*time.Second, time.Millisecond)
}

func TestOpenEndsAfterTheTimeoutIfItsContextHasNoDeadline(t *testing.T) {
	addr := silentServer(t)
	_, err := pool.Open(context.Background(), pool.Config{URL: "redis://:hunter2@" + addr, Timeout: 50 * time.Millisecond})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	failed := split[*pool.ConnectError](t, err)
	require.Len(t, failed, len(predefined))
	require.Equal(t, addr, failed[0].Addr)
	require.NotContains(t, err.Error(), "hunter2")
	requireNoGoroutines(t)
}

func TestCloseEndsAllGoroutines(t *testing.T) {
	s := redistest.Server(t)
	for range 3 {
		pools, err := pool.Open(t.Context(), pool.Config{URL: s.URL()})
		require.NoError(t, err)
		c, err := pools.Client(pool.User)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { mustDo(t, c, "PING") })
		}
		wg.Wait()
		pools.Close()
	}
	requireNoGoroutines(t)
}

func TestLogins(t *testing.T) {
	s := redistest.Server(t, "requirepass hunter2")
	admin, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, Password: "hunter2", ForceSingleClient: true, DisableCache: true})
	require.NoError(t, err)
	defer admin.Close()
	mustDo(t, admin, "ACL", "SETUSER", "joe", "on", ">p@ss/w#rd", "~*", "&*", "+@all", "-@dangerous", "-@admin")

	for _, login := range []string{":hunter2", "default:hunter2", "joe:p%40ss%2Fw%23rd"} {
		pools, err := pool.Open(t.Context(), pool.Config{URL: "redis://" + login + "@" + s.Addr()})
		require.NoError(t, err)
		require.NoError(t, pools.Ping(t.Context()))
		pools.Close()
	}
	for login, text := range map[string]string{"joe:wrongword": "WRONGPASS", ":wrongword": "WRONGPASS", "": "NOAUTH"} {
		_, err := pool.Open(t.Context(), pool.Config{URL: "redis://" + login + "@" + s.Addr()})
		require.ErrorContains(t, err, text)
		require.NotContains(t, err.Error(), "wrongword")
		require.Len(t, split[*pool.ConnectError](t, err), len(predefined))
	}
}

func TestSocket(t *testing.T) {
	path := filepath.Join(shortTempDir(t), "r.sock")
	redistest.Server(t, "unixsocket "+path)
	pools, err := pool.Open(t.Context(), pool.Config{URL: "unix://" + path})
	require.NoError(t, err)
	defer pools.Close()
	require.NoError(t, pools.Ping(t.Context()))
}

func TestCluster(t *testing.T) {
	cluster := redistest.Cluster(t)
	one := cluster.Primaries[0]
	for name, url := range map[string]string{
		"one address":       one.URL(),
		"several addresses": cluster.URL(),
		"a dead one last":   one.URL() + "?addr=" + freeAddr(t),
		"a dead one first":  "redis://" + freeAddr(t) + "?addr=" + one.Addr(),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var mu sync.Mutex
			made := 0
			pools, err := pool.Open(t.Context(), pool.Config{
				URL:       url,
				Databases: map[pool.Alias]int{"jobs": 3},
				Logger:    slog.New(slog.NewTextHandler(&log, nil)),
				NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
					if !opt.ForceSingleClient {
						mu.Lock()
						made++
						mu.Unlock()
					}
					return rueidis.NewClient(opt)
				},
			})
			require.NoError(t, err)
			defer pools.Close()
			require.NoError(t, pools.Ping(t.Context()))
			require.Equal(t, 1, made, "all aliases share a client")
			require.Len(t, pools.Aliases(), 7)
			require.True(t, pools.Layout() == keyspace.Cluster())
			require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			require.Contains(t, log.String(), "jobs")
			for _, a := range pools.Aliases() {
				require.Equal(t, string(a)+":", pools.Prefix(a))
				c, err := pools.Client(a)
				require.NoError(t, err)
				require.Equal(t, rueidis.ClientModeCluster, c.Mode())
				set := c.B().Set().Key(pools.Prefix(a) + "x").Value(string(a)).Build()
				require.NoError(t, c.Do(t.Context(), set).Error())
			}
			for _, a := range pools.Aliases() {
				c, err := pools.Client(a)
				require.NoError(t, err)
				got, err := c.Do(t.Context(), c.B().Get().Key(string(a)+":x").Build()).ToString()
				require.NoError(t, err)
				require.Equal(t, string(a), got)
				require.EqualValues(t, 3, pools.Stats()[a].Commands, "PING, SET, GET")
			}
			c, err := pools.Client(pool.User)
			require.NoError(t, err)
			nodes := c.Nodes()
			require.Len(t, nodes, 3)
			for _, n := range nodes {
				mustDo(t, n, "PING")
			}
			require.EqualValues(t, 6, pools.Stats()[pool.User].Commands, "the PINGs of the nodes count too")
		})
	}
}

func TestSeveralAddressesWithoutACluster(t *testing.T) {
	s := redistest.Server(t)
	_, err := pool.Open(t.Context(), pool.Config{URL: s.URL() + "?addr=" + s.Addr()})
	require.ErrorContains(t, err, s.Addr()+" is not in a cluster")
	require.Len(t, split[*pool.ConnectError](t, err), len(predefined))
}

func TestSentinel(t *testing.T) {
	s := redistest.Sentinel(t)
	pools, err := pool.Open(t.Context(), pool.Config{URL: s.URL()})
	require.NoError(t, err)
	defer pools.Close()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	require.Equal(t, rueidis.ClientModeSentinel, c.Mode())
	mustDo(t, c, "SET", "x", "1")
	mustDo(t, s.Primary.Client(t, 11), "GET", "x")

	_, err = pool.Open(t.Context(), pool.Config{URL: s.Sentinel.URL()})
	require.ErrorContains(t, err, "?master_set=")

	s.Primary.Kill()
	require.Eventually(t, func() bool {
		return c.Do(t.Context(), c.B().Set().Key("y").Value("1").Build()).Error() == nil
	}, 30*time.Second, 20*time.Millisecond, "the replica takes over")
	mustDo(t, s.Replica.Client(t, 11), "GET", "y")
}

// requireNoGoroutines waits until no goroutine of a client or of the pools is
// left.
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
		ours := strings.Contains(stack, "redis/rueidis") || strings.Contains(stack, "symphony/pool.") || strings.Contains(stack, "miniredis")
		if ours && !strings.Contains(stack, "requireNoGoroutines") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// shortTempDir returns a folder whose path is short enough for a socket.
func shortTempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
