package pool

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
)

// Proxies that know no inline commands reply to the probe. FakeServer is like
// them.
func TestProbeIsNoInlineCommand(t *testing.T) {
	addr := strings.TrimPrefix(redistest.NewFakeServer(t).URL(), "redis://")
	require.NoError(t, probeServer(20*time.Second, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}))
}
