package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/pool"
)

// Open returns one error for each alias that it cannot use. Aliases with the
// same cause share a line of the text.
func ExampleConnectError() {
	_, err := pool.Open(context.Background(), pool.Config{
		URLs: map[pool.Alias]string{pool.User: "redis://127.0.0.1:1", pool.Handlers: "redis://127.0.0.1:1"},
	})
	fmt.Println(err)
	var failed *pool.ConnectError
	if errors.As(err, &failed) {
		fmt.Println(failed.Alias, failed.Addr)
	}
	// Output:
	// pool: handlers, user at 127.0.0.1:1 does not answer: dial tcp 127.0.0.1:1: connect: connection refused; no server listens there: start it, or correct the host and the port of the URL
	// handlers 127.0.0.1:1
}
