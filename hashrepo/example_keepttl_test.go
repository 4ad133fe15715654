package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Window struct {
	Calls int64 `redis:"calls"`
}

var windowCalls = hashrepo.NumberOf(func(w *Window) *int64 { return &w.Calls })

// With KeepTTL, a write does not renew the lifetime of a record that exists, so
// that a window of a rate limit ends when it should.
func ExampleKeepTTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:window:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	windows, err := hashrepo.New[Window](pools, pool.Default, space, hashrepo.TTL(48*time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if err := windows.With(hashrepo.TTL(time.Hour)).Upsert(ctx, "w1", Window{}); err != nil {
		log.Fatal(err)
	}

	if err := windows.With(hashrepo.KeepTTL()).Update(ctx, "w1", windowCalls.Add(1)); err != nil {
		log.Fatal(err)
	}
	kept, err := windows.TTL(ctx, "w1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kept.Round(time.Hour))
	// Output: 1h0m0s
}
