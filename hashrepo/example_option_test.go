package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Letter struct {
	Text string `redis:"text"`
}

func letterOptions(shortLived bool) []hashrepo.Option {
	options := []hashrepo.Option{hashrepo.Codec(codec.JSON)}
	if shortLived {
		options = append(options, hashrepo.TTL(30*time.Minute))
	}
	return options
}

// Options are values. A program can choose them when it starts.
func ExampleOption() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:letter:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	letters, err := hashrepo.New[Letter](pools, pool.Default, space, letterOptions(true)...)
	if err != nil {
		log.Fatal(err)
	}
	if err := letters.Upsert(ctx, "d1", Letter{Text: "Dear Alice"}); err != nil {
		log.Fatal(err)
	}

	left, err := letters.TTL(ctx, "d1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left.Round(time.Minute))
	// Output: 30m0s
}
