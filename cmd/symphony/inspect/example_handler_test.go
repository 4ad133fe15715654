package inspect_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A service mounts the pages behind its own login, which lets operators pass.
func ExampleHandler() {
	pools, err := embedded.Open(context.Background(), pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	pages := inspect.Handler(pools, inspect.Write(), inspect.AllowedHosts("admin.example.com"))
	mux := http.NewServeMux()
	mux.Handle("/redis/", operatorsOnly(http.StripPrefix("/redis", pages)))

	for _, password := range []string{"", "correct"} {
		r := httptest.NewRequest(http.MethodGet, "https://admin.example.com/redis/", nil)
		r.SetBasicAuth("operator", password)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// 200
}

// operatorsOnly stands for the login of the service.
func operatorsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "operator" || password != "correct" {
			http.Error(w, "for operators", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
