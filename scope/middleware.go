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
//   - 400 Bad Request: the tenant is empty, the tenant or the user contains a
//     NUL byte, or identify or a binder returned an error that wraps
//     [keyspace.ErrInvalidKey].
//   - 401 Unauthorized: identify returned any other error. To send a
//     WWW-Authenticate header, set it in a handler around the middleware.
//   - 503 Service Unavailable: a binder returned any other error, or a nil
//     context without an error.
//
// No response contains the error, which may quote secrets of the request. The
// error of a 400 and of a 503 is logged with [slog.Default], unless the client
// is gone. That of a 401 is not: a client could fill the log, and the error may
// quote the credentials.
// [OnRefusal] sets another response for all of these.
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
		refuse(w, r, http.StatusBadRequest, id, err)
	case err != nil:
		refuse(w, r, http.StatusUnauthorized, id, err)
	default:
		m.serveWith(w, r, id)
	}
}

func (m *middleware) serveWith(w http.ResponseWriter, r *http.Request, id Identity) {
	ctx, err := Bind(r.Context(), id, m.binders...)
	switch {
	case errors.Is(err, keyspace.ErrInvalidKey):
		refuse(w, r, http.StatusBadRequest, id, err)
	case err != nil:
		refuse(w, r, http.StatusServiceUnavailable, id, err)
	default:
		m.next.ServeHTTP(w, r.WithContext(ctx))
	}
}

// Refusal writes the response to a request that [Middleware] refuses. The
// status is 400, 401 or 503. The error may quote secrets of the request.
type Refusal func(w http.ResponseWriter, r *http.Request, status int, err error)

var refusalKey = NewKey[Refusal]("refusal")

// OnRefusal returns a function that wraps the handler of a [Middleware], which
// then refuses requests with write. It is for bodies of one's own, such as
// JSON. If write is nil, OnRefusal panics.
//
//	handler := scope.OnRefusal(writeJSON)(scope.Middleware(identify)(mux))
func OnRefusal(write Refusal) func(http.Handler) http.Handler {
	if write == nil {
		panic("scope: OnRefusal: the function is nil; pass one that writes a response")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(refusalKey.With(r.Context(), write)))
		})
	}
}

// refusalTexts are the bodies of refusals.
var refusalTexts = map[int]string{
	http.StatusBadRequest:         "bad request: the tenant, the user or an id is not valid",
	http.StatusUnauthorized:       "unauthorized: the credentials are missing or not valid",
	http.StatusServiceUnavailable: "service unavailable: the data of the request could not be loaded; try again later",
}

// refuse logs the error and responds.
func refuse(w http.ResponseWriter, r *http.Request, status int, id Identity, err error) {
	if status != http.StatusUnauthorized && r.Context().Err() == nil {
		slog.ErrorContext(r.Context(), "scope: a request was refused", "status", status, "tenant", id.Tenant, "user", id.User, "error", err)
	}
	if write, ok := refusalKey.From(r.Context()); ok {
		write(w, r, status, err)
		return
	}
	http.Error(w, refusalTexts[status], status)
}
