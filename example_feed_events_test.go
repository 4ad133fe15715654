package symphony_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A handler serves a feed to browsers, which connect again by themselves and go
// on after their last event.
func ExampleFeed_ServeEvents() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	answers, err := symphony.NewFeed[string](pools, "acme", "answers")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /answers/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := answers.ServeEvents(w, r, r.PathValue("id")); err != nil {
			log.Print(err)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	first, err := answers.Append(ctx, "chat9", "Hello")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := answers.Append(ctx, "chat9", "world"); err != nil {
		log.Fatal(err)
	}
	if err := answers.End(ctx, "chat9"); err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/answers/chat9", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", string(first)) // as a browser does
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "data") || strings.HasPrefix(line, "event") {
			fmt.Println(line)
		}
	}
	// Output:
	// data: "world"
	// event: end
	// data:
}
