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

// Trim keeps a part of a queue, such as the last hundred lines of a chat.
func ExampleListRepo_Trim() {
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
	lines, err := listrepo.New[int](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	for n := range 150 {
		if _, err := lines.Push(ctx, "c1", n); err != nil {
			log.Fatal(err)
		}
	}

	if err := lines.Trim(ctx, "c1", -100, -1); err != nil {
		log.Fatal(err)
	}
	length, err := lines.Len(ctx, "c1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length)
	// Output: 100
}
