package listrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Range reads items and leaves them in the queue. -1 is the last one.
func ExampleListRepo_Range() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:lines:{chat}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	lines, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := lines.Push(ctx, "c1", "hello", "hi", "how are you?"); err != nil {
		log.Fatal(err)
	}

	last, err := lines.Range(ctx, "c1", -2, -1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(last)
	// Output: [hi how are you?]
}
