package symphony_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A load balancer asks a service whether it can work.
func ExampleReady() {
	pools, err := embedded.Open(context.Background(), pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /readyz", symphony.Ready(pools))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	var body struct{ Ready bool }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Code, body.Ready)
	// Output: 200 true
}
