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

type Config struct {
	Color string `redis:"color,omitzero"`
	Size  int    `redis:"size,omitzero"`
}

// Upsert keeps the fields that the record type does not declare, such as those
// of another service. Replace removes them.
func ExampleHashRepo_Replace() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:config:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	configs, err := hashrepo.New[Config](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	redis, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	foreign := redis.B().Hset().Key("acme:config:c1").FieldValue().FieldValue("legacy", "1").Build()
	if err := redis.Do(ctx, foreign).Error(); err != nil {
		log.Fatal(err)
	}

	if err := configs.Upsert(ctx, "c1", Config{Color: "red"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(redis.Do(ctx, redis.B().Hlen().Key("acme:config:c1").Build()).AsInt64())
	if err := configs.Replace(ctx, "c1", Config{Color: "red"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(redis.Do(ctx, redis.B().Hlen().Key("acme:config:c1").Build()).AsInt64())
	// Output:
	// 2 <nil>
	// 1 <nil>
}
