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

// The record type may be a map with string keys, for records whose fields the
// program does not know.
func ExampleNew_map() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:label:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	labels, err := hashrepo.New[map[string]string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := labels.Upsert(ctx, "host1", map[string]string{"zone": "eu", "role": "db"}); err != nil {
		log.Fatal(err)
	}
	zone := hashrepo.At[map[string]string]("zone")
	if err := labels.Update(ctx, "host1", zone.Set("us")); err != nil {
		log.Fatal(err)
	}
	host, err := labels.Get(ctx, "host1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(host)
	// Output: map[role:db zone:us]
}
