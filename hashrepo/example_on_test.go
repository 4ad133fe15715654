package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Receipt struct {
	Cents int64 `redis:"cents"`
}

const archive pool.Alias = "archive"

// On sends a view's calls to another pool, such as an archive.
func ExampleOn() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Databases: map[pool.Alias]int{archive: 3}})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:receipt:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	receipts, err := hashrepo.New[Receipt](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	old := receipts.With(hashrepo.On(archive), hashrepo.NoTTL())
	if err := old.Upsert(ctx, "2019-1", Receipt{Cents: 700}); err != nil {
		log.Fatal(err)
	}

	here, err := receipts.Exists(ctx, "2019-1")
	if err != nil {
		log.Fatal(err)
	}
	there, err := old.Exists(ctx, "2019-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(here, there)
	// Output: false true
}
