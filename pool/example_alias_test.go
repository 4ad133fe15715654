package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Reports is an alias that the program adds.
const Reports pool.Alias = "reports"

// A program adds aliases through Config.Databases, or through Config.URLs.
func ExampleAlias() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Databases: map[pool.Alias]int{Reports: 3}})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	reports, err := symphony.NewGeneric[string](pools, "acme", symphony.On(Reports))
	if err != nil {
		log.Fatal(err)
	}

	if err := reports.Set(ctx, "2026", "a good year"); err != nil {
		log.Fatal(err)
	}
	client, err := pools.Client(Reports)
	if err != nil {
		log.Fatal(err)
	}
	report, err := client.Do(ctx, client.B().Get().Key("acme:2026").Build()).ToString()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	// Output: a good year
}
