package scope_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/symphony-go/symphony/scope"
)

// OnRefusal sets the response to requests that the middleware refuses.
func ExampleOnRefusal() {
	writeJSON := func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d}`, status)
	}
	server := scope.OnRefusal(writeJSON)(scope.Middleware(identify)(http.HandlerFunc(sayHello)))

	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-Api-Key", "acme") // the format is not valid
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"status":401}
}
