package scope

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/symphony-go/symphony/keyspace"
)

// ErrAnonymous is what identify returns, bare or wrapped, for a request that may
// go on without an identity.
var ErrAnonymous = errors.New("scope: the request is anonymous")

// Middleware finds out whom a request is from and serves it with a context that
// carries the [Identity] and what the binders add, as [Bind] makes it.
//
// identify reads the request: a header, a cookie, a token. Where it returns
// ErrAnonymous the request goes on as it came, bound to nothing, and [From]
// answers false. In these cases the handler is never called, and the answer is
// plain text that says what is wrong:
//
//   - 400: the tenant or the user cannot be part of a key, or identify or a
//     binder says so with keyspace.ErrInvalidKey;
//   - 401: identify fails. The answer holds nothing of its error, which may quote
//     the request's secrets; the header WWW-Authenticate is for a handler
//     outside to set;
//   - 503: a binder fails. The error goes to slog.Default, not to the client.
//
// A panic of identify or of a binder passes through, to net/http. A nil identify,
// binder or handler is a mistake in the program: it panics before any request
// comes.
func Middleware(identify func(*http.Request) (Identity, error), binders ...Binder) func(http.Handler) http.Handler {
	if identify == nil {
		panic("scope: Middleware without identify; give it a function that says whom a request is from")
	}
	for _, b := range binders {
		if b == nil {
			panic("scope: Middleware with a nil Binder; leave it out")
		}
	}
	binders = slices.Clone(binders)
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("scope: Middleware around a nil handler")
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
		http.Error(w, "unauthorized: the request does not say, or does not prove, whom it is from", http.StatusUnauthorized)
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
		slog.ErrorContext(r.Context(), "scope: a request was not served, since a binder failed", "tenant", id.Tenant, "user", id.User, "error", err)
		http.Error(w, "service unavailable: what the request needs could not be bound to it; try again later", http.StatusServiceUnavailable)
	default:
		m.next.ServeHTTP(w, r.WithContext(ctx))
	}
}

func badRequest(w http.ResponseWriter, err error) {
	http.Error(w, "bad request: "+err.Error(), http.StatusBadRequest)
}
