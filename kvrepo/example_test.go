package kvrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Quote struct {
	Symbol string `json:"symbol"`
	Cents  int64  `json:"cents"`
}

var quoteKeys = keyspace.MustCompile("{tenant}:quote:{symbol}")

// A repository needs the type of its values and a pattern for its keys.
func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := quoteKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	quotes, err := kvrepo.New[Quote](pools, pool.Default, space, kvrepo.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	if err := quotes.Set(ctx, "ABC", Quote{Symbol: "ABC", Cents: 1250}); err != nil {
		log.Fatal(err)
	}
	quote, err := quotes.Get(ctx, "ABC")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(quote.Symbol, quote.Cents)
	// Output: ABC 1250
}
