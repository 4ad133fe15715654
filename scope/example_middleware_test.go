package scope_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/symphony-go/symphony/scope"
)

var Plan = scope.NewKey[string]("plan")

// identify reads the tenant and the user from the API key of a request.
func identify(r *http.Request) (scope.Identity, error) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		return scope.Identity{}, scope.ErrAnonymous
	}
	tenant, user, ok := strings.Cut(key, "/")
	if !ok {
		return scope.Identity{}, errors.New("no such key")
	}
	return scope.Identity{Tenant: tenant, User: user}, nil
}

// bindPlan is a Binder that adds the plan of the tenant.
func bindPlan(ctx context.Context, id scope.Identity) (context.Context, error) {
	return Plan.With(ctx, "the plan of "+id.Tenant), nil
}

func sayHello(w http.ResponseWriter, r *http.Request) {
	id, ok := scope.From(r.Context())
	if !ok {
		fmt.Fprintln(w, "hello, whoever you are")
		return
	}
	plan, _ := Plan.From(r.Context())
	fmt.Fprintf(w, "hello %s, on %s\n", id.User, plan)
}

// The middleware adds the identity of a request and the values of the binders
// to its context.
func ExampleMiddleware() {
	server := scope.Middleware(identify, bindPlan)(http.HandlerFunc(sayHello))

	for _, key := range []string{"acme/alice", "", "acme", "/alice"} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 hello alice, on the plan of acme
	// 200 hello, whoever you are
	// 401 unauthorized: the credentials are missing or not valid
	// 400 bad request: the tenant, the user or an id is not valid
}
