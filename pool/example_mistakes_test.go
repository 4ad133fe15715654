package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/pool"
)

// Open returns all mistakes of a Config together, and contacts no server.
func ExampleOpen_mistakes() {
	_, err := pool.Open(context.Background(), pool.Config{
		URL:       "localhost:6379",
		Databases: map[pool.Alias]int{"jobs": -1},
	})
	fmt.Println(err)

	var mistake *pool.ConfigError
	fmt.Println(errors.As(err, &mistake), mistake.Field)
	// Output:
	// pool.Config.URL: the scheme is unknown; use redis, rediss, valkey, valkeys or unix, as in redis://host:6379
	// pool.Config.Databases[jobs]: -1 is negative; database numbers start at 0
	// true URL
}
