package kvrepo_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With Cached, a value is read from memory until Redis reports a change. A
// write in the same process is visible to the next read. The embedded server
// has no client tracking, so each Get in this example goes to the server.
func ExampleCached() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:greeting:{lang}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	greetings, err := kvrepo.New[string](pools, pool.Default, space, kvrepo.Cached(time.Minute))
	if err != nil {
		log.Fatal(err)
	}

	for _, text := range []string{"hello", "good day"} {
		if err := greetings.Set(ctx, "en", text); err != nil {
			log.Fatal(err)
		}
		greeting, err := greetings.Get(ctx, "en")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(greeting)
	}
	// Output:
	// hello
	// good day
}
