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

func ExampleMiddleware() {
	// The key that the request carries is that of a user of a tenant.
	identify := func(r *http.Request) (scope.Identity, error) {
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
	bindPlan := func(ctx context.Context, id scope.Identity) (context.Context, error) {
		return Plan.With(ctx, "the plan of "+id.Tenant), nil
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := scope.From(r.Context())
		if !ok {
			fmt.Fprintln(w, "hello, whoever you are")
			return
		}
		plan, _ := Plan.From(r.Context())
		fmt.Fprintf(w, "hello %s, on %s\n", id.User, plan)
	})
	server := scope.Middleware(identify, bindPlan)(handler)

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
	// 401 unauthorized: the request does not say, or does not prove, whom it is from
	// 400 bad request: scope: keyspace: invalid key: {tenant} of "{tenant}:{user}" is empty; give it a value
}

func ExampleNewKey() {
	locale := scope.NewKey[string]("locale")
	ctx := locale.With(context.Background(), "de")
	fmt.Println(locale.From(ctx))
	fmt.Println(scope.NewKey[string]("locale").From(ctx)) // another key
	// Output:
	// de true
	//  false
}

// Work that begins without a request, such as a queue's, is bound like one.
func ExampleBind() {
	ctx, err := scope.Bind(context.Background(), scope.Identity{Tenant: "acme", User: "alice"})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, ok := scope.From(ctx)
	fmt.Println(id.Tenant, id.User, ok)
	// Output: acme alice true
}
