package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A reader whose next entry was trimmed gets ErrGone, and begins again with what
// the feed keeps. A feed that has ended refuses values.
func ExampleKeepLast() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	progress, err := symphony.NewFeed[int](pools, "acme", "progress", symphony.KeepLast(2))
	if err != nil {
		log.Fatal(err)
	}

	first, err := progress.Append(ctx, "job1", 25)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := progress.Append(ctx, "job1", 50, 75, 100); err != nil {
		log.Fatal(err)
	}
	_, err = progress.Read(ctx, "job1", first, 10)
	fmt.Println(errors.Is(err, symphony.ErrGone))
	entries, err := progress.Read(ctx, "job1", "", 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Println(e.Value)
	}

	if err := progress.End(ctx, "job1"); err != nil {
		log.Fatal(err)
	}
	_, err = progress.Append(ctx, "job1", 110)
	fmt.Println(errors.Is(err, symphony.ErrEnded))
	_, err = progress.Read(ctx, "job1", "yesterday", 10)
	fmt.Println(errors.Is(err, symphony.ErrInvalidCursor))
	// Output:
	// true
	// 75
	// 100
	// true
	// true
}
