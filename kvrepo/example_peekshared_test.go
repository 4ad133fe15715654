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

// PeekShared returns the cached value itself, without a copy of its large map.
// Other callers read the same value, so it must not be changed.
func ExampleKVRepo_PeekShared() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:texts:{lang}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	texts, err := kvrepo.New[map[string]string](pools, pool.Default, space, kvrepo.Cached(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	if err := texts.Set(ctx, "en", map[string]string{"title": "Orders"}); err != nil {
		log.Fatal(err)
	}

	english, err := texts.PeekShared(ctx, "en")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println((*english)["title"])
	// Output: Orders
}
