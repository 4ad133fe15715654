package embedded_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The embedded server replaces Redis in a first run and in tests.
func ExampleOpen() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	client, err := pools.Client(pool.User)
	if err != nil {
		log.Fatal(err)
	}

	if err := client.Do(ctx, client.B().Set().Key("greeting").Value("hello").Build()).Error(); err != nil {
		log.Fatal(err)
	}
	greeting, err := client.Do(ctx, client.B().Get().Key("greeting").Build()).ToString()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
	// Output: hello
}
