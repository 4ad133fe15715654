package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Transfer struct {
	Cents int64 `redis:"cents"`
}

var transferCents = hashrepo.NumberOf(func(t *Transfer) *int64 { return &t.Cents })

// addCents adds to a field. If the sum may have been written although the call
// failed, the error asks the caller to read first.
func addCents(ctx context.Context, transfers *symphony.Table[Transfer], id string, cents int64) error {
	err := transfers.Update(ctx, id, transferCents.Add(cents))
	var op *symphony.OpError
	if errors.As(err, &op) && op.MaybeApplied() {
		return fmt.Errorf("read the record before you add again: %w", err)
	}
	return err
}

// MaybeApplied reports whether a write may have reached Redis although it
// failed. If it reports false, nothing was changed, and the call may be
// repeated.
func ExampleOpError_maybeApplied() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	transfers, err := symphony.NewTable[Transfer](pools, "acme", "transfers")
	if err != nil {
		log.Fatal(err)
	}

	ended, cancel := context.WithCancel(ctx)
	cancel()
	err = addCents(ended, transfers, "t1", 500)
	var op *symphony.OpError
	fmt.Println(errors.As(err, &op) && op.MaybeApplied(), errors.Is(err, context.Canceled))
	fmt.Println(addCents(ctx, transfers, "t1", 500))
	// Output:
	// false true
	// <nil>
}
