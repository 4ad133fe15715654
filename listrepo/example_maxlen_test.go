package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// MaxLen bounds a queue. If a push would exceed it, Push returns ErrFull and
// pushes none of the items.
func ExampleMaxLen() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:jobs:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxLen(3))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png"); err != nil {
		log.Fatal(err)
	}

	_, err = jobs.Push(ctx, "resize", "c.png", "d.png")
	fmt.Println(errors.Is(err, listrepo.ErrFull))
	length, err := jobs.Len(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length)
	// Output:
	// true
	// 2
}
