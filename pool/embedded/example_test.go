package embedded_test

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func ExampleOpen() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pools.Close()

	c, err := pools.Client(pool.User)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Do(ctx, c.B().Set().Key("greeting").Value("hello").Build()).Error(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Do(ctx, c.B().Get().Key("greeting").Build()).ToString())
	// Output: hello <nil>
}
