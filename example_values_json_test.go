package symphony_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A handler can send a state to a client as it is.
func ExampleValues_json() {
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
	fields := symphony.Fields{"zoom": 12, "place": "Oslo", "center": Point{59.9, 10.7}}
	if err := scratch.Upsert(ctx, "map", fields); err != nil {
		log.Fatal(err)
	}

	values, err := scratch.Get(ctx, "map")
	if err != nil {
		log.Fatal(err)
	}
	body, err := json.Marshal(values)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output: {"center":{"lat":59.9,"lon":10.7},"place":"Oslo","zoom":12}
}

// Map returns plain Go values, for a template or a library that takes a
// map[string]any.
func ExampleValues_Map() {
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
	if err := scratch.Upsert(ctx, "map", symphony.Fields{"zoom": 12, "place": "Oslo", "layers": []string{"roads"}}); err != nil {
		log.Fatal(err)
	}

	values, err := scratch.Get(ctx, "map")
	if err != nil {
		log.Fatal(err)
	}
	plain, err := values.Map()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%#v\n", plain)
	// Output: map[string]interface {}{"layers":[]interface {}{"roads"}, "place":"Oslo", "zoom":12}
}
