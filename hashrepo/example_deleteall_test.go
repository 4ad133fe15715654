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

type Visit struct {
	Page string `redis:"page"`
}

var visitKeys = keyspace.MustCompile("{tenant}:visit:{id}")

// DeleteAll removes every record of the repository's space, and no other: the
// records of another tenant stay.
func ExampleHashRepo_DeleteAll() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	visits := map[string]*hashrepo.HashRepo[Visit]{}
	for _, tenant := range []string{"acme", "globex"} {
		space, err := visitKeys.Bind(tenant)
		if err != nil {
			log.Fatal(err)
		}
		visits[tenant], err = hashrepo.New[Visit](pools, pool.Default, space)
		if err != nil {
			log.Fatal(err)
		}
		if err := visits[tenant].Upsert(ctx, "v1", Visit{Page: "/"}); err != nil {
			log.Fatal(err)
		}
	}

	removed, err := visits["acme"].DeleteAll(ctx)
	if err != nil {
		log.Fatal(err)
	}
	stays, err := visits["globex"].Exists(ctx, "v1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed, stays)
	// Output: 1 true
}
