package scope

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/symphony-go/symphony/keyspace"
)

// ErrAnonymous is returned by the identify function of [Middleware], alone or
// wrapped, for a request that may be served without an identity.
var ErrAnonymous = errors.New("scope: anonymous request")

// Middleware returns a function that wraps an [http.Handler]. For each request
// it calls identify, which reads the identity from a header, a cookie or a
// token, and then serves the request with a context that carries the [Identity]
// and the values of the binders. See [Bind].
//
// If identify returns [ErrAnonymous], alone or wrapped, the request is served
// with its context unchanged. [From] then returns false, unless another handler
// added an identity before.
//
// In the following cases the handler is not called, and the response is plain
// text:
//
//   - 400 Bad Request: the tenant or the user is empty or contains a NUL byte,
//     or identify or a binder returned an error that wraps
//     [keyspace.ErrInvalidKey]. The response contains the error.
//   - 401 Unauthorized: identify returned any other error. The response does
//     not contain the error, which may quote secrets of the request. To send a
//     WWW-Authenticate header, set it in a handler around the middleware.
//   - 503 Service Unavailable: a binder returned any other error, or a nil
//     context without an error. The error is logged with [slog.Default] and not
//     sent to the client.
//
// A panic of identify or of a binder is not recovered. If identify or a binder
// is nil, Middleware panics. If the wrapped handler is nil, the function that
// Middleware returned panics.
func Middleware(identify func(*http.Request) (Identity, error), binders ...Binder) func(http.Handler) http.Handler {
	if identify == nil {
		panic("scope: Middleware: identify is nil; pass a function that returns the identity of a request")
	}
	for _, b := range binders {
		if b == nil {
			panic("scope: Middleware: a Binder is nil; remove it")
		}
	}
	binders = slices.Clone(binders)
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("scope: Middleware: the handler is nil; pass one")
		}
		return &middleware{identify, binders, next}
	}
}

type middleware struct {
	identify func(*http.Request) (Identity, error)
	binders  []Binder
	next     http.Handler
}

func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := m.identify(r)
	switch {
	case errors.Is(err, ErrAnonymous):
		m.next.ServeHTTP(w, r)
	case errors.Is(err, keyspace.ErrInvalidKey):
		badRequest(w, err)
	case err != nil:
		http.Error(w, "unauthorized: the credentials are missing or not valid", http.StatusUnauthorized)
	default:
		m.serveWith(w, r, id)
	}
}

func (m *middleware) serveWith(w http.ResponseWriter, r *http.Request, id Identity) {
	ctx, err := Bind(r.Context(), id, m.binders...)
	switch {
	case errors.Is(err, keyspace.ErrInvalidKey):
		badRequest(w, err)
	case err != nil:
		slog.ErrorContext(r.Context(), "scope: a binder failed, the request was not served", "tenant", id.Tenant, "user", id.User, "error", err)
		http.Error(w, "service unavailable: the data of the request could not be loaded; try again later", http.StatusServiceUnavailable)
	default:
		m.next.ServeHTTP(w, r.WithContext(ctx))
	}
}

// badRequest responds with the reason for which a request is refused.
func badRequest(w http.ResponseWriter, err error) {
	http.Error(w, "bad request: "+err.Error(), http.StatusBadRequest)
}
