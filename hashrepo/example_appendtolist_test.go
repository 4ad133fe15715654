package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type History struct {
	Steps []string `redis:"steps"`
}

// AppendToList appends to a list by the stored name of its field. Two callers
// that append at the same time both succeed.
func ExampleHashRepo_AppendToList() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:history:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	histories, err := hashrepo.New[History](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := histories.AppendToList(ctx, "h1", "steps", "received"); err != nil {
		log.Fatal(err)
	}
	if err := histories.AppendToList(ctx, "h1", "steps", "packed", "sent"); err != nil {
		log.Fatal(err)
	}
	history, err := histories.Get(ctx, "h1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(history.Steps)
	// Output: [received packed sent]
}
