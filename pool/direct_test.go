package pool_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A call that is alone has a connection of its own, and calls that overlap
// share another one.
func TestACallThatIsAloneUsesTheDirectConnection(t *testing.T) {
	s := redistest.Server(t)
	for name, url := range map[string]string{"server": s.URL(), "sentinel": redistest.Sentinel(t).URL()} {
		t.Run(name, func(t *testing.T) {
			pools, c := openUser(t, pool.Config{URL: url})
			pipelining, direct := connectionsOf(t, c)
			require.NotEqual(t, pipelining, direct)
			for range 10 {
				require.Equal(t, direct, clientID(t, c))
				require.Equal(t, direct, transactionID(t, c))
			}
			for _, n := range c.Nodes() {
				require.Equal(t, direct, clientID(t, n))
			}
			require.Zero(t, pools.Stats()[pool.User].Errors)
		})
	}

	proxy := redistest.NewProxy(t, s)
	_, c := openUser(t, pool.Config{URL: proxy.URL()})
	pipelining, direct := connectionsOf(t, c)
	proxy.SetDelay(time.Second)
	slow := increment(t, s, c)
	require.Equal(t, pipelining, clientID(t, c), "another call is under way")
	require.NoError(t, <-slow)
	require.Equal(t, direct, clientID(t, c))

	mustDo(t, c, "DEL", "n")
	piped := make(chan error, 1)
	go func() { piped <- c.Do(context.Background(), c.B().Incr().Key("n").Build().ToPipe()).Error() }()
	awaitIncrement(t, s)
	require.Equal(t, pipelining, clientID(t, c), "a call over that connection is under way")
	require.NoError(t, <-piped)
	require.Equal(t, direct, clientID(t, c))
}

// A pipeline for which rueidis takes a connection of its own has the results of
// all of its commands, as one that does not fit into the direct connection.
func TestLargePipelines(t *testing.T) {
	_, c := openUser(t, pool.Config{URL: redistest.Server(t).URL()})
	connectionsOf(t, c)
	for _, n := range []int{256, 257, 1999, 2000, 5000} {
		var multi []rueidis.Completed
		for i := range n {
			multi = append(multi, c.B().Set().Key("k").Value(strconv.Itoa(i)).Get().Build())
		}
		mustDo(t, c, "SET", "k", "-1")
		for i, r := range c.DoMulti(withTimeout(t), multi...) {
			was, err := r.AsInt64()
			require.NoError(t, err)
			require.EqualValues(t, i-1, was)
		}
	}
}

// The connection is opened once a call could use it, and sends nothing while it
// is idle.
func TestTheDirectConnectionOpensLate(t *testing.T) {
	s := redistest.Server(t)
	pools, err := pool.Open(withTimeout(t), pool.Config{URL: s.URL()})
	require.NoError(t, err)
	defer pools.Close()
	list := mustDo(t, s.Client(t, 0), "CLIENT", "LIST")
	text, err := list.ToString()
	require.NoError(t, err)
	before := strings.Count(text, "name=symphony")
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	connectionsOf(t, c)
	list = mustDo(t, s.Client(t, 0), "CLIENT", "LIST")
	text, err = list.ToString()
	require.NoError(t, err)
	require.Equal(t, before+1, strings.Count(text, "name=symphony"))
}

// A direct call ends with its context, although it has no deadline that is
// near, and although the server does not reply.
func TestADirectCallEndsWithItsContext(t *testing.T) {
	for name, call := range map[string]func(context.Context, rueidis.Client) error{
		"Do": func(ctx context.Context, c rueidis.Client) error {
			return c.Do(ctx, c.B().Incr().Key("n").Build()).Error()
		},
		"DoMulti": func(ctx context.Context, c rueidis.Client) error {
			return c.DoMulti(ctx, c.B().Incr().Key("n").Build(), c.B().Incr().Key("n").Build())[1].Error()
		},
		"a blocking DoMulti": func(ctx context.Context, c rueidis.Client) error {
			return c.DoMulti(ctx, c.B().Incr().Key("n").Build(), c.B().Blpop().Key("q").Timeout(0).Build())[1].Error()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Server(t)
			proxy := redistest.NewProxy(t, s)
			_, c := openUser(t, pool.Config{URL: proxy.URL(), Timeout: time.Hour})
			connectionsOf(t, c)
			if name != "a blocking DoMulti" { // it opens a connection
				proxy.SetFault(redistest.DropReplies)
			}

			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 1)
			go func() { result <- call(ctx, c) }()
			awaitIncrement(t, s)
			cancel()
			require.ErrorIs(t, <-result, context.Canceled)

			proxy.SetFault(redistest.Healthy)
			require.NoError(t, c.Do(withTimeout(t), c.B().Set().Key("x").Value("1").Build()).Error())
		})
	}
}

// A direct call that ends at its deadline closes its connection, and no call
// beside it fails. The connection is then replaced.
func TestADirectCallEndsAtItsDeadline(t *testing.T) {
	s := redistest.Server(t)
	_, c := openUser(t, pool.Config{URL: s.URL()})
	pipelining, direct := connectionsOf(t, c)
	mustDo(t, s.Client(t, 0), "CLIENT", "PAUSE", "300", "ALL")
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	long := make(chan error, 1)
	err := c.Do(short, c.B().Incr().Key("n").Build()).Error()
	go func() { long <- c.Do(withTimeout(t), c.B().Incr().Key("m").Build()).Error() }()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, <-long)

	again, replaced := connectionsOf(t, c)
	require.Equal(t, pipelining, again)
	require.NotEqual(t, direct, replaced)
}

// If the server closes the connection while it is idle, no call fails, not even
// a write. Each write is applied once.
func TestADirectConnectionThatEndedWhileItWasIdle(t *testing.T) {
	requireLoopbackHosts(t)
	plain := redistest.Server(t)
	ca := redistest.NewAuthority(t)
	secured := ca.Server(t, "127.0.0.2")
	for name, test := range map[string]struct {
		server *redistest.Instance
		cfg    pool.Config
	}{
		"TCP": {plain, pool.Config{URL: plain.URL()}},
		"TLS": {secured, pool.Config{URL: "rediss://" + secured.TLSAddr(), NewClient: newClientTrusting(ca)}},
	} {
		t.Run(name, func(t *testing.T) {
			pools, c := openUser(t, test.cfg)
			other := test.server.Client(t, 11)
			for n := range int64(3) {
				_, direct := connectionsOf(t, c)
				mustDo(t, other, "CLIENT", "KILL", "ID", strconv.FormatInt(direct, 10))
				require.Eventually(t, func() bool {
					text, err := other.Do(t.Context(), other.B().ClientList().Build()).ToString()
					return err == nil && !strings.Contains(text, fmt.Sprintf("id=%d ", direct))
				}, 20*time.Second, 20*time.Millisecond)
				got, err := c.Do(withTimeout(t), c.B().Incr().Key("n").Build()).AsInt64()
				require.NoError(t, err)
				require.Equal(t, n+1, got)
			}
			require.Zero(t, pools.Stats()[pool.User].Errors)
			require.False(t, pools.Stats()[pool.User].Down)
		})
	}
}

// A server that accepts no more connections serves the calls over those that
// exist.
func TestNoDirectConnectionIfTheServerIsFull(t *testing.T) {
	s := redistest.Server(t)
	other := s.Client(t, 11)
	pools, c := openUser(t, pool.Config{URL: s.URL()})
	for i := range 100 { // opens all pipelining connections
		require.NoError(t, c.Do(withTimeout(t), c.B().Exists().Key(strconv.Itoa(i)).Build().ToPipe()).Error())
	}
	list := mustDo(t, other, "CLIENT", "LIST")
	text, err := list.ToString()
	require.NoError(t, err)
	mustDo(t, other, "CONFIG", "SET", "maxclients", strconv.Itoa(strings.Count(text, "id=")))
	refused := func() int {
		info, err := other.Do(withTimeout(t), other.B().Info().Section("stats").Build()).ToString()
		require.NoError(t, err)
		_, after, _ := strings.Cut(info, "rejected_connections:")
		digits, _, _ := strings.Cut(after, "\r\n")
		n, err := strconv.Atoi(digits)
		require.NoError(t, err)
		return n
	}
	for end := time.Now().Add(20 * time.Second); refused() < 2; { // it is tried again
		require.True(t, time.Now().Before(end))
		require.NoError(t, c.Do(withTimeout(t), c.B().Incr().Key("n").Build()).Error())
	}
	require.Zero(t, pools.Stats()[pool.User].Errors)
	require.False(t, pools.Stats()[pool.User].Down)
	mustDo(t, other, "CONFIG", "SET", "maxclients", "1000")
	connectionsOf(t, c)
}

// Close waits for the reply to a direct call, but not for long.
func TestCloseAndADirectCall(t *testing.T) {
	s := redistest.Server(t)
	proxy := redistest.NewProxy(t, s)
	pools, c := openUser(t, pool.Config{URL: proxy.URL(), Timeout: time.Hour})
	connectionsOf(t, c)
	proxy.SetDelay(100 * time.Millisecond)
	slow := increment(t, s, c)
	pools.Close()
	require.NoError(t, <-slow)

	s.Flush(t)
	proxy.SetFault(redistest.Healthy)
	pools, c = openUser(t, pool.Config{URL: proxy.URL(), Timeout: time.Hour})
	connectionsOf(t, c)
	proxy.SetFault(redistest.DropReplies)
	slow = increment(t, s, c)
	pools.Close()
	require.ErrorIs(t, <-slow, rueidis.ErrClosing)
}

// Streams share connections with direct calls, so the first stream ends these.
func TestNoDirectCallsAfterAStream(t *testing.T) {
	s := redistest.Server(t)
	_, c := openUser(t, pool.Config{URL: s.URL()})
	pipelining, direct := connectionsOf(t, c)
	mustDo(t, c, "SET", "x", "1")
	stream := c.DoStream(withTimeout(t), c.B().Get().Key("x").Build())
	_, err := stream.WriteTo(io.Discard)
	require.NoError(t, err)
	require.NotEqual(t, direct, clientID(t, c))
	require.Equal(t, pipelining, clientID(t, c))
}

// openUser returns pools and the client of their alias User.
func openUser(t *testing.T, cfg pool.Config) (*pool.Pools, rueidis.Client) {
	t.Helper()
	pools, err := pool.Open(withTimeout(t), cfg)
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	return pools, c
}

// connectionsOf returns the ids of the pipelining and the direct connection of
// a client. It makes calls until the direct one is open.
func connectionsOf(t *testing.T, c rueidis.Client) (pipelining, direct int64) {
	t.Helper()
	id := func(cmd rueidis.Completed) int64 {
		n, err := c.Do(withTimeout(t), cmd).AsInt64()
		require.NoError(t, err)
		return n
	}
	pipelining = id(c.B().ClientId().Build().ToPipe())
	require.Eventually(t, func() bool {
		direct = id(c.B().ClientId().Build())
		return direct != pipelining
	}, 20*time.Second, time.Millisecond)
	return pipelining, direct
}

// clientID returns the id of the connection that a call uses.
func clientID(t *testing.T, c rueidis.Client) int64 {
	t.Helper()
	id, err := c.Do(withTimeout(t), c.B().ClientId().Build()).AsInt64()
	require.NoError(t, err)
	return id
}

// transactionID returns the id of the connection that a transaction uses.
func transactionID(t *testing.T, c rueidis.Client) int64 {
	t.Helper()
	rs := c.DoMulti(withTimeout(t), c.B().Multi().Build(), c.B().ClientId().Build(), c.B().Exec().Build())
	replies, err := rs[2].ToArray()
	require.NoError(t, err)
	id, err := replies[0].AsInt64()
	require.NoError(t, err)
	return id
}

// increment starts a call and returns when the server has run it.
func increment(t *testing.T, s *redistest.Instance, c rueidis.Client) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- c.Do(context.Background(), c.B().Incr().Key("n").Build()).Error() }()
	awaitIncrement(t, s)
	return result
}

// awaitIncrement waits until the server has incremented n.
func awaitIncrement(t *testing.T, s *redistest.Instance) {
	t.Helper()
	other := s.Client(t, 11)
	require.Eventually(t, func() bool {
		n, err := other.Do(t.Context(), other.B().Get().Key("n").Build()).AsInt64()
		return err == nil && n > 0
	}, 20*time.Second, time.Millisecond)
}
