package symphony_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// Every request uses the shared state of its own user, also in goroutines that
// outlive the request.
func TestBindSharedState(t *testing.T) {
	type search struct {
		Query string `redis:"query"`
		Hits  int64  `redis:"hits"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		first, second := pooltest.UniqueTenant(), pooltest.UniqueTenant()
		var late sync.WaitGroup
		ended := make(chan struct{})
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ss, ok := symphony.SharedStateFrom(r.Context())
			if assert.True(t, ok) {
				assert.NoError(t, ss.UpdateField(r.Context(), "search", "query", r.URL.Path))
			}
			ctx := context.WithoutCancel(r.Context())
			late.Go(func() {
				<-ended
				ss, ok := symphony.SharedStateFrom(ctx)
				if ok && ctx.Err() == nil {
					_ = ss.UpdateField(ctx, "search", "hits", 3)
				}
			})
		})
		wrapped := scope.Middleware(byHeader, symphony.BindSharedState(p, symphony.TTL(time.Hour)))(handler)
		for _, id := range []scope.Identity{{Tenant: first, User: "u"}, {Tenant: first, User: "v"}, {Tenant: second, User: "u"}} {
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequest(http.MethodGet, "/"+id.Tenant+id.User, http.NoBody).WithContext(ctx)
			r.Header.Set("X-Tenant", id.Tenant)
			r.Header.Set("X-User", id.User)
			w := httptest.NewRecorder()
			wrapped.ServeHTTP(w, r)
			cancel()
			require.Equal(t, http.StatusOK, w.Code, w.Body)
		}
		close(ended)
		late.Wait()
		for _, id := range []scope.Identity{{Tenant: first, User: "u"}, {Tenant: first, User: "v"}, {Tenant: second, User: "u"}} {
			ss, err := symphony.NewSharedState(p, id.Tenant, id.User)
			require.NoError(t, err)
			typed, err := symphony.StateOf[search](ss)
			require.NoError(t, err)
			got, err := typed.Get(ctx, "search")
			require.NoError(t, err)
			require.Equal(t, search{"/" + id.Tenant + id.User, 3}, got)
			left, err := ss.TTL(ctx, "search")
			require.NoError(t, err)
			require.InDelta(t, time.Hour, left, float64(time.Minute))
		}
	})
}

// If the shared state cannot be created, the binder returns the reason and the
// handler is not called.
func TestBindSharedStateErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, test := range []struct {
		name   string
		bind   scope.Binder
		user   string
		status int
		is     error
	}{
		{"a user that the layout does not accept", symphony.BindSharedState(p, symphony.Layout(keyspace.Cluster())), "{u}", 400, symphony.ErrInvalidKey},
		{"no pools", symphony.BindSharedState(nil), "u", 503, symphony.ErrUnknownPool},
		{"an option that does not apply", symphony.BindSharedState(p, symphony.MaxLen(3)), "u", 503, symphony.ErrUnsupported},
		{"no such pool", symphony.BindSharedState(p, symphony.On("nowhere")), "u", 503, symphony.ErrUnknownPool},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.bind(t.Context(), scope.Identity{Tenant: "acme", User: test.user})
			require.ErrorIs(t, err, test.is)
			handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("X-Tenant", "acme")
			r.Header.Set("X-User", test.user)
			w := httptest.NewRecorder()
			scope.Middleware(byHeader, test.bind)(handler).ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code)
		})
	}
}

// SharedStateFrom returns the state that WithSharedState put into the context.
func TestWithSharedState(t *testing.T) {
	p := pooltest.Embedded(t)
	none, ok := symphony.SharedStateFrom(t.Context())
	require.False(t, ok)
	require.Nil(t, none)
	ss, err := symphony.NewSharedState(p, "acme", "u")
	require.NoError(t, err)
	ctx := symphony.WithSharedState(t.Context(), ss)
	got, ok := symphony.SharedStateFrom(ctx)
	require.True(t, ok)
	require.Same(t, ss, got)
	none, ok = symphony.SharedStateFrom(symphony.WithSharedState(ctx, nil))
	require.False(t, ok)
	require.Nil(t, none)
	_, err = symphony.StateOf[struct{ N int }](none)
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	require.ErrorContains(t, err, "BindSharedState")
}

// byHeader reads the identity from the headers of the request.
func byHeader(r *http.Request) (scope.Identity, error) {
	id := scope.Identity{Tenant: r.Header.Get("X-Tenant"), User: r.Header.Get("X-User")}
	if id == (scope.Identity{}) {
		return id, errors.New("no headers")
	}
	return id, nil
}

// An API key of a tenant has no user, and so no shared state.
func TestBindSharedStateWithoutAUser(t *testing.T) {
	bind := symphony.BindSharedState(pooltest.Embedded(t))
	outer, err := scope.Bind(t.Context(), scope.Identity{Tenant: "acme", User: "alice"}, bind)
	require.NoError(t, err)
	inner, err := scope.Bind(outer, scope.Identity{Tenant: "acme"}, bind)
	require.NoError(t, err)
	_, ok := symphony.SharedStateFrom(inner)
	require.False(t, ok)
}
