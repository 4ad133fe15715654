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

// Process claims items, passes them to the handler and acks them. It renews the
// lease while the handler runs. If the handler returns an error, Process
// returns it too, and the items go back to the front of the queue.
func ExampleListRepo_Process() {
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
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png"); err != nil {
		log.Fatal(err)
	}

	resize := func(_ context.Context, items []listrepo.Item[string]) error {
		for _, item := range items {
			fmt.Println("resized", item.Value)
		}
		return nil
	}
	done, err := jobs.Process(ctx, "resize", 10, resize)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done, "done")
	// Output:
	// resized a.png
	// resized b.png
	// 2 done
}
