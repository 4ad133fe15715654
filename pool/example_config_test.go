package pool_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Each alias has its own database. embedded.Open accepts the same Config as
// pool.Open, but no URL.
func ExampleConfig() {
	ctx := context.Background()
	cfg := pool.Config{
		// URL:        "rediss://user:password@redis.example.com:6380",
		Databases:     map[pool.Alias]int{pool.User: 1, pool.Handlers: 2},
		Timeout:       2 * time.Second,
		MaxValueBytes: 1 << 20,
		Cache:         pool.Cache{MaxBytes: 256 << 20, MaxStale: time.Second},
		Logger:        slog.New(slog.DiscardHandler),
	}
	pools, err := embedded.Open(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	fmt.Println(pools.Timeout(), pools.MaxValueBytes())
	// Output: 2s 1048576
}
