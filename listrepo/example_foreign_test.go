package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// An entry beside a queue that another program wrote becomes a dead letter. The
// claim that finds it is valid.
func ExampleForeignEntriesError() {
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
	redis, err := pools.Client(pool.Handlers)
	if err != nil {
		log.Fatal(err)
	}
	foreign := redis.B().Zadd().Key("%due:{acme:jobs:resize}").ScoreMember().ScoreMember(1, "not a claim").Build()
	if err := redis.Do(ctx, foreign).Error(); err != nil {
		log.Fatal(err)
	}

	claim, err := jobs.Claim(ctx, "resize", 10, time.Minute)
	var foreignErr *listrepo.ForeignEntriesError
	if errors.As(err, &foreignErr) {
		fmt.Println(foreignErr.Count, "foreign entry")
	}
	fmt.Println(claim.Items[0].Value)
	if err := claim.Ack(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 foreign entry
	// a.png
}
