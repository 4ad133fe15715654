package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/pool"
)

// Open returns one error for each alias that it cannot reach.
func ExampleConnectError() {
	_, err := pool.Open(context.Background(), pool.Config{URL: "redis://127.0.0.1:1"})
	var unreachable *pool.ConnectError
	fmt.Println(errors.As(err, &unreachable), unreachable.Addr)
	// Output: true 127.0.0.1:1
}
