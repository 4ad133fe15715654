package redistest

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// Each fault has the documented effect on the server and on the caller.
func TestProxy(t *testing.T) {
	s := Server(t)
	direct := s.Client(t, 0)
	p := NewProxy(t, s)
	for _, test := range []struct {
		fault   Fault
		arrives bool
		timeout bool
	}{
		{Healthy, true, false},
		{DropRequests, false, true},
		{DropReplies, true, true},
		{CloseOnReply, true, false},
		{CloseOnRequest, false, false},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			p.SetFault(Healthy)
			client := singleConnectionClient(t, p)
			s.Flush(t)
			p.SetFault(test.fault)
			limit := waitTimeout
			if test.timeout {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := client.Do(ctx, client.B().Incr().Key("n").Build()).Error()
			require.Equal(t, test.fault == Healthy, err == nil)
			require.Equal(t, test.timeout, errors.Is(err, context.DeadlineExceeded), "%v", err)
			arrived := func() bool {
				n, _ := direct.Do(t.Context(), direct.B().Get().Key("n").Build()).AsInt64()
				return n == 1
			}
			if test.arrives {
				require.True(t, waitFor(arrived))
			} else {
				require.False(t, arrived())
			}
		})
	}
}

func TestProxyDownAndUp(t *testing.T) {
	s := Server(t)
	p := NewProxy(t, s)
	client := newClient(t, p.URL())
	require.Positive(t, p.ConnectionCount())
	p.Down()
	require.True(t, waitFor(func() bool { return p.ConnectionCount() == 0 }))
	_, err := net.Dial("tcp4", p.addr)
	require.Error(t, err)
	p.Up()
	require.True(t, waitFor(func() bool { return set(t.Context(), client, "again") == nil }))
	p.SetDelay(time.Hour)
	late := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return errors.Is(set(ctx, client, "late"), context.DeadlineExceeded)
	}
	require.True(t, waitFor(late), "the first call may use a connection that Down closed")
	p.SetFault(Healthy)
	require.Equal(t, rueidis.ClientModeStandalone, client.Mode())
	p.CloseConnections()
	require.True(t, waitFor(func() bool { return set(t.Context(), client, "again") == nil }))
}

func singleConnectionClient(t *testing.T, p *Proxy) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{p.addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}
