package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// WorkBatches returns all mistakes in a WorkConfig together.
func ExampleConfigError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	send := func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error { return nil }

	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{Workers: -1, ChunkSize: 1000})
	fmt.Println(err)
	var mistake *symphony.ConfigError
	fmt.Println(errors.As(err, &mistake), mistake.Field)
	fmt.Println(errors.Is(err, symphony.ErrInvalidArgument))
	// Output:
	// symphony.WorkConfig.Workers: -1 is negative; use 0 for the default of 16
	// symphony.WorkConfig.ChunkSize: 1000 items would block the server; use at most 500
	// true Workers
	// true
}
