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

// In returns a view of a repository over another space, such as that of another
// tenant.
func ExampleListRepo_In() {
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
	other, err := keyspace.MustCompile("{tenant}:jobs:{id}").Bind("globex")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.In(other).Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	acme, err := jobs.Len(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	globex, err := jobs.In(other).Len(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acme, globex)
	// Output: 0 1
}
