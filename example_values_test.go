package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// The reader of a value decides on its type.
func ExampleValues() {
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
	if err := scratch.Upsert(ctx, "map", symphony.Fields{"zoom": 12, "center": Point{4.7, -74.1}}); err != nil {
		log.Fatal(err)
	}

	values, err := scratch.Get(ctx, "map")
	if err != nil {
		log.Fatal(err)
	}
	zoom, err := values["zoom"].Int()
	if err != nil {
		log.Fatal(err)
	}
	var center Point
	if err := values["center"].Decode(&center); err != nil {
		log.Fatal(err)
	}
	fmt.Println(zoom, center.Lat)
	// Output: 12 4.7
}
