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

type Product struct {
	Name   string `redis:"name"`
	Rating int    `redis:"rating,omitzero"` // a zero value is absent in Redis
	Secret string `redis:"-"`               // not stored
	Weight int    `json:"weight_g"`         // without a redis tag, the json tag names the field
}

// The tags name the stored fields and choose how they are stored.
func Example_tags() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:product:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	products, err := hashrepo.New[Product](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := products.Upsert(ctx, "p1", Product{Name: "cup", Secret: "x", Weight: 300}); err != nil {
		log.Fatal(err)
	}

	redis, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	fields, err := redis.Do(ctx, redis.B().Hgetall().Key("acme:product:p1").Build()).AsStrMap()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fields)
	// Output: map[name:cup weight_g:300]
}
