package symphony_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// readiness is the body of a response of Ready.
type readiness struct {
	Ready bool
	Pools map[pool.Alias]struct {
		Up bool
		MS float64
	}
}

// Ready names the pools that do not reply, and nothing else about them. A
// server that hangs does not make it late.
func TestReady(t *testing.T) {
	server, other := redistest.Server(t), redistest.Server(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: server.URL(), URLs: map[pool.Alias]string{pool.User: other.URL()}, Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	ask := func() (status int, body readiness) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		symphony.Ready(p).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", http.NoBody))
		require.NoError(t, ctx.Err(), "it takes two seconds at most")
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		for _, secret := range []string{other.Addr(), "127.0.0.1", "refused", "timeout"} {
			require.NotContains(t, w.Body.String(), secret)
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		require.Len(t, body.Pools, len(p.Aliases()))
		return w.Code, body
	}
	check := func(status int, body readiness, userUp bool) {
		t.Helper()
		require.Equal(t, userUp, status == http.StatusOK)
		require.Equal(t, userUp, body.Ready)
		for a, of := range body.Pools {
			require.Equal(t, a != pool.User || userUp, of.Up, a)
			require.Equal(t, of.Up, of.MS > 0, a)
		}
	}
	status, body := ask()
	check(status, body, true)

	admin := other.Client(t, 0)
	require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary("CLIENT", "PAUSE", "60000").Build()).Error())
	status, body = ask()
	check(status, body, false)
	other.Kill()
	status, body = ask()
	check(status, body, false)
	require.Equal(t, http.StatusServiceUnavailable, status)

	p.Close()
	status, body = ask()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.False(t, body.Ready)
}
