package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Search struct {
	Query string `redis:"query"`
	Hits  int64  `redis:"hits"`
}

var searchHits = hashrepo.NumberOf(func(s *Search) *int64 { return &s.Hits })

// StateOf returns a typed repository of the same states, for a tool that knows
// the type of a state.
func ExampleStateOf() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	scratch, err := symphony.NewSharedState(pools, "acme", "u1")
	if err != nil {
		log.Fatal(err)
	}
	if err := scratch.Upsert(ctx, "search", symphony.Fields{"query": "cups", "hits": 3}); err != nil {
		log.Fatal(err)
	}

	searches, err := symphony.StateOf[Search](scratch)
	if err != nil {
		log.Fatal(err)
	}
	search, err := searches.Merge(ctx, "search", searchHits.Add(2))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(search.Query, search.Hits)
	// Output: cups 5
}
