package symphony_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

// identify trusts a header, which a proxy in front of this service sets.
func identify(r *http.Request) (scope.Identity, error) {
	return scope.Identity{Tenant: r.Header.Get("X-Tenant"), User: r.Header.Get("X-User")}, nil
}

// remember finds the shared state of the request's user in the context.
func remember(w http.ResponseWriter, r *http.Request) {
	state, ok := symphony.SharedStateFrom(r.Context())
	if !ok {
		http.Error(w, "no user", http.StatusUnauthorized)
		return
	}
	if err := state.UpdateField(r.Context(), "search", "query", r.URL.Query().Get("q")); err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "noted")
}

// The middleware binds the shared state of the request's user to its context.
func ExampleBindSharedState() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	handler := scope.Middleware(identify, symphony.BindSharedState(pools))(http.HandlerFunc(remember))

	request := httptest.NewRequest(http.MethodGet, "/search?q=cups", http.NoBody)
	request.Header.Set("X-Tenant", "acme")
	request.Header.Set("X-User", "u1")
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	fmt.Print(response.Code, " ", response.Body)
	// Output: 200 noted
}
