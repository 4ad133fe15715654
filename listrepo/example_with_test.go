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

// With returns a view with more options. The repository itself does not change.
func ExampleListRepo_With() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	bounded := jobs.With(listrepo.MaxLen(1))
	_, err = bounded.Push(ctx, "resize", "b.png")
	fmt.Println(errors.Is(err, listrepo.ErrFull))
	length, err := jobs.Push(ctx, "resize", "b.png")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length)
	// Output:
	// true
	// 2
}
