package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Catalog struct {
	Prices map[string]int64 `redis:"prices"`
}

// PeekShared returns the cached record itself, without a copy of its large map.
// Other callers read the same record, so it must not be changed.
func ExampleHashRepo_PeekShared() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:catalog:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	catalogs, err := hashrepo.New[Catalog](pools, pool.Default, space, hashrepo.Cached(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	if err := catalogs.Upsert(ctx, "summer", Catalog{Prices: map[string]int64{"cup": 450}}); err != nil {
		log.Fatal(err)
	}

	catalog, err := catalogs.PeekShared(ctx, "summer")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(catalog.Prices["cup"])
	// Output: 450
}
