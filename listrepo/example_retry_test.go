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

var errDiskFull = errors.New("disk full")

func resizeOnFullDisk(context.Context, []listrepo.Item[string]) error { return errDiskFull }

// Retry returns a dead letter to the front of its queue, with one more attempt.
func ExampleListRepo_Retry() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}
	_, err = jobs.Process(ctx, "resize", 1, resizeOnFullDisk)
	fmt.Println(errors.Is(err, errDiskFull))

	for dead, err := range jobs.Dead(ctx, "resize") {
		if err != nil {
			log.Fatal(err)
		}
		retried, err := jobs.Retry(ctx, "resize", dead.ID)
		fmt.Println(retried, err)
	}
	// Output:
	// true
	// 1 <nil>
}
