package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Flag struct {
	Enabled bool `redis:"enabled"`
}

// Codec chooses how values are written. JSON is for records that other programs
// read as JSON.
func ExampleCodec() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:flag:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	flags, err := hashrepo.New[Flag](pools, pool.Default, space, hashrepo.Codec(codec.JSON))
	if err != nil {
		log.Fatal(err)
	}
	if err := flags.Upsert(ctx, "f1", Flag{Enabled: true}); err != nil {
		log.Fatal(err)
	}

	redis, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	command := redis.B().Hget().Key("acme:flag:f1").Field("enabled").Build()
	stored, err := redis.Do(ctx, command).ToString()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored) // codec.Compact writes 1
	// Output: true
}
