package scope_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/scope"
)

var (
	alice    = scope.Identity{Tenant: "acme", User: "alice"}
	requests = scope.NewKey[string]("request")
	trail    = scope.NewKey[[]string]("trail")
)

// The handler reads the identity and the values of all binders. So do the
// goroutines that it starts and the work that outlives the request.
func TestValuesReachAllWork(t *testing.T) {
	type bound struct {
		id    scope.Identity
		trail []string
		err   error
	}
	found := make(chan bound, 3)
	look := func(ctx context.Context) {
		id, _ := scope.From(ctx)
		steps, _ := trail.From(ctx)
		found <- bound{id, steps, ctx.Err()}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	handler := scope.Middleware(identifiesAs(alice), step("one"), step("two"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		look(r.Context())
		goroutine := make(chan struct{})
		go func() { defer close(goroutine); look(r.Context()) }()
		<-goroutine
		outlives := context.WithoutCancel(r.Context())
		go func() { defer close(ended); <-over; look(outlives) }()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	answer := serve(handler, httptest.NewRequest(http.MethodGet, "/", http.NoBody).WithContext(ctx))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Len(t, found, 2, "the handler was not called")
	cancel()
	close(over)
	<-ended
	for range 3 {
		require.Equal(t, bound{alice, []string{"one", "two"}, nil}, <-found)
	}
}

func TestMiddlewareRefuses(t *testing.T) {
	broken := errors.New("the database of secrets says no")
	fails := func(err error) scope.Binder {
		return func(context.Context, scope.Identity) (context.Context, error) { return nil, err }
	}
	for _, test := range []struct {
		name     string
		identify func(*http.Request) (scope.Identity, error)
		bind     []scope.Binder
		status   int
		says     string
	}{
		{"identify fails", failsWith(broken), nil, 401, "credentials"},
		{"identify fails with an identity", func(*http.Request) (scope.Identity, error) { return alice, broken }, nil, 401, "credentials"},
		{"identify finds a bad key", failsWith(fmt.Errorf("the header: %w", keyspace.ErrInvalidKey)), nil, 400, "not valid"},
		{"no identity and no error", identifiesAs(scope.Identity{}), nil, 400, "not valid"},
		{"a NUL in the tenant", identifiesAs(scope.Identity{Tenant: "ac\x00me", User: "alice"}), nil, 400, "not valid"},
		{"any tenant", identifiesAs(scope.Identity{Tenant: keyspace.Any, User: "alice"}), nil, 400, "not valid"},
		{"any user", identifiesAs(scope.Identity{Tenant: "acme", User: keyspace.Any}), nil, 400, "not valid"},
		{"a binder fails", identifiesAs(alice), []scope.Binder{fails(broken)}, 503, "try again later"},
		{"the second binder fails", identifiesAs(alice), []scope.Binder{step("one"), fails(broken)}, 503, "try again later"},
		{"a binder refuses the key", identifiesAs(alice), []scope.Binder{fails(fmt.Errorf("braces: %w", keyspace.ErrInvalidKey))}, 400, "not valid"},
		{"a binder says anonymous", identifiesAs(alice), []scope.Binder{fails(scope.ErrAnonymous)}, 503, "try again later"},
		{"a binder returns nothing", identifiesAs(alice), []scope.Binder{fails(nil)}, 503, "try again later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			captureLog(t)
			answer := serve(scope.Middleware(test.identify, test.bind...)(neverCalled(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
			require.Equal(t, test.status, answer.Code)
			require.Contains(t, answer.Body.String(), test.says)
			require.NotContains(t, answer.Body.String(), "secrets")
			require.Equal(t, "text/plain; charset=utf-8", answer.Header().Get("Content-Type"))
		})
	}
}

// No binder is called for an identity that cannot be part of a key.
func TestBindersSeeValidIdentities(t *testing.T) {
	called := false
	bind := func(ctx context.Context, _ scope.Identity) (context.Context, error) { called = true; return ctx, nil }
	serve(scope.Middleware(identifiesAs(scope.Identity{User: "alice"}), bind)(neverCalled(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	require.False(t, called)
}

// The log contains the error of the binder and the identity.
func TestMiddlewareLogs(t *testing.T) {
	log := captureLog(t)
	bind := func(context.Context, scope.Identity) (context.Context, error) {
		return nil, errors.New("no route to host")
	}
	serve(scope.Middleware(identifiesAs(alice), bind)(neverCalled(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	for _, part := range []string{"no route to host", "acme", "alice"} {
		require.Contains(t, log.String(), part)
	}
}

func TestAnonymousRequests(t *testing.T) {
	for _, err := range []error{scope.ErrAnonymous, fmt.Errorf("no cookie: %w", scope.ErrAnonymous)} {
		served := false
		identify := func(*http.Request) (scope.Identity, error) { return alice, err }
		bind := func(context.Context, scope.Identity) (context.Context, error) { return nil, errors.New("called") }
		handler := scope.Middleware(identify, bind)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			served = true
			_, ok := scope.From(r.Context())
			assert.False(t, ok)
			_, ok = trail.From(r.Context())
			assert.False(t, ok)
			came, _ := requests.From(r.Context())
			assert.Equal(t, "as it came", came)
		}))
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		answer := serve(handler, r.WithContext(requests.With(r.Context(), "as it came")))
		require.True(t, served)
		require.Equal(t, http.StatusOK, answer.Code)
	}
}

func TestMiddlewarePanics(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	identify := func(*http.Request) (scope.Identity, error) { panic("identify") }
	require.PanicsWithValue(t, "identify", func() { serve(scope.Middleware(identify)(neverCalled(t)), request) })
	bind := func(context.Context, scope.Identity) (context.Context, error) { panic("bind") }
	require.PanicsWithValue(t, "bind", func() { serve(scope.Middleware(identifiesAs(alice), bind)(neverCalled(t)), request) })
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { serve(scope.Middleware(identifiesAs(alice))(handler), request) })
}

// A nil argument panics when the program starts, not during a request.
func TestMiddlewareRefusesNil(t *testing.T) {
	require.Panics(t, func() { scope.Middleware(nil) })
	require.Panics(t, func() { scope.Middleware(identifiesAs(alice), step("one"), nil) })
	require.Panics(t, func() { scope.Middleware(identifiesAs(alice))(nil) })
}

func TestMiddlewareKeepsItsBinders(t *testing.T) {
	binders := []scope.Binder{step("one")}
	wrap := scope.Middleware(identifiesAs(alice), binders...)
	binders[0] = nil
	answer := serve(wrap(http.NotFoundHandler()), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	require.Equal(t, http.StatusNotFound, answer.Code)
}

func TestBind(t *testing.T) {
	ctx, err := scope.Bind(t.Context(), alice, step("one"), step("two"))
	require.NoError(t, err)
	id, ok := scope.From(ctx)
	require.True(t, ok)
	require.Equal(t, alice, id)
	steps, _ := trail.From(ctx)
	require.Equal(t, []string{"one", "two"}, steps)

	ctx, err = scope.Bind(t.Context(), scope.Identity{Tenant: "acme"})
	require.NoError(t, err, "an API key has a tenant and no user")
	id, _ = scope.From(ctx)
	require.Equal(t, scope.Identity{Tenant: "acme"}, id)
	_, err = scope.Bind(t.Context(), scope.Identity{User: "alice"})
	require.ErrorIs(t, err, keyspace.ErrInvalidKey)
	_, err = scope.Bind(t.Context(), alice, nil)
	require.ErrorContains(t, err, "nil")
	broken := errors.New("broken")
	_, err = scope.Bind(t.Context(), alice, func(ctx context.Context, _ scope.Identity) (context.Context, error) { return ctx, broken })
	require.ErrorIs(t, err, broken)
}

func TestWith(t *testing.T) {
	_, ok := scope.From(t.Context())
	require.False(t, ok)
	bob := scope.Identity{Tenant: "globex", User: "bob"}
	ctx := scope.With(scope.With(t.Context(), alice), bob)
	id, ok := scope.From(ctx)
	require.True(t, ok)
	require.Equal(t, bob, id)
}

// A response of one's own gets the status and the error.
func TestOnRefusal(t *testing.T) {
	captureLog(t)
	broken := errors.New("broken")
	var got error
	write := func(w http.ResponseWriter, _ *http.Request, status int, err error) {
		got = err
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, "{}")
	}
	answer := serve(scope.OnRefusal(write)(scope.Middleware(failsWith(broken))(neverCalled(t))), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	require.Equal(t, http.StatusUnauthorized, answer.Code)
	require.Equal(t, "{}", answer.Body.String())
	require.Equal(t, broken, got)
	require.Panics(t, func() { scope.OnRefusal(nil) })
}

func identifiesAs(id scope.Identity) func(*http.Request) (scope.Identity, error) {
	return func(*http.Request) (scope.Identity, error) { return id, nil }
}

func failsWith(err error) func(*http.Request) (scope.Identity, error) {
	return func(*http.Request) (scope.Identity, error) { return scope.Identity{}, err }
}

// step returns a binder that appends a name to the trail. It checks that the
// context carries the identity.
func step(name string) scope.Binder {
	return func(ctx context.Context, id scope.Identity) (context.Context, error) {
		if carried, ok := scope.From(ctx); !ok || carried != id {
			return nil, fmt.Errorf("%v is bound for %v", carried, id)
		}
		steps, _ := trail.From(ctx)
		return trail.With(ctx, append(steps[:len(steps):len(steps)], name)), nil
	}
}

func neverCalled(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// captureLog returns a buffer with the output of slog.Default.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// A client that is gone is no error of the service.
func TestMiddlewareDoesNotLogForAClientThatIsGone(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	ctx, gone := context.WithCancel(t.Context())
	identify := func(*http.Request) (scope.Identity, error) { return scope.Identity{Tenant: "acme"}, nil }
	handler := scope.Middleware(identify, func(context.Context, scope.Identity) (context.Context, error) {
		return nil, errors.New("the connection is slow")
	})(http.NotFoundHandler())
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	require.Contains(t, log.String(), "the connection is slow")
	log.Reset()
	gone()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	require.Empty(t, log.String())
}
