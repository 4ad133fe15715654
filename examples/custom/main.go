// Custom defines a repository of its own, for rate limits by user and route,
// from the primitives that the library's repositories are made of.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The whole repository: its record, its keys, its constructor.

type Limit struct {
	Used  int64     `redis:"used"`
	Since time.Time `redis:"since"`
}

var used = hashrepo.NumberOf(func(l *Limit) *int64 { return &l.Used })

type Limits struct{ *hashrepo.HashRepo[Limit] }

var limitKeys = keyspace.MustCompile("{tenant}:limit:{user}:{route}")

func NewLimits(pools *pool.Pools, tenant, user string, opts ...symphony.Option) (*Limits, error) {
	space, err := limitKeys.Bind(tenant, user)
	if err != nil {
		return nil, err
	}
	repo, err := hashrepo.New[Limit](pools, pool.Default, space, opts...)
	return &Limits{repo}, err
}

func main() {
	ctx := context.Background()
	pools, err := open(ctx)
	check(err)
	defer pools.Close()

	limits, err := NewLimits(pools, "acme", "u1", symphony.TTL(time.Minute))
	check(err)
	check(limits.Upsert(ctx, "GET /orders", Limit{Since: time.Now()}))
	for range 3 {
		// With KeepTTL, counting does not extend the minute.
		n, err := used.Increment(ctx, limits.With(symphony.KeepTTL()), "GET /orders", 1)
		check(err)
		fmt.Println("used:", n)
	}
	for limit, err := range limits.All(ctx) {
		check(err)
		fmt.Printf("%s: %d calls\n", limit.ID, limit.Value.Used)
	}
}

func open(ctx context.Context) (*pool.Pools, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return pool.Open(ctx, pool.Config{URL: url})
	}
	return embedded.Open(ctx, pool.Config{})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
