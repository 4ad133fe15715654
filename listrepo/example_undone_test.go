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

// A handler that has done a part of its items returns Undone with the others.
func ExampleUndone() {
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
	if _, err := jobs.Push(ctx, "resize", "a.png", "broken.png"); err != nil {
		log.Fatal(err)
	}

	resize := func(_ context.Context, items []listrepo.Item[string]) error {
		for i, item := range items {
			if item.Value == "broken.png" {
				return listrepo.Undone(errors.New("not an image"), items[i:]...)
			}
		}
		return nil
	}
	done, err := jobs.Process(ctx, "resize", 10, resize)
	var undone *listrepo.UndoneError
	if errors.As(err, &undone) {
		fmt.Println(done, "done,", len(undone.IDs), "not:", undone.Err)
	}
	// Output: 1 done, 1 not: not an image
}
