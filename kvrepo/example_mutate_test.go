package kvrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

var errSoldOut = errors.New("sold out")

func sell(left *int) error {
	if *left == 0 {
		return errSoldOut
	}
	*left--
	return nil
}

// Mutate reads a value, changes it in Go and writes it. If another writer
// changes it in between, Mutate calls the function again on fresh data. If the
// function returns an error, Mutate returns it and writes nothing.
func ExampleKVRepo_Mutate() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:seats:{show}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	seats, err := kvrepo.New[int](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := seats.Set(ctx, "tonight", 1); err != nil {
		log.Fatal(err)
	}

	left, err := seats.Mutate(ctx, "tonight", sell)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left)
	_, err = seats.Mutate(ctx, "tonight", sell)
	fmt.Println(errors.Is(err, errSoldOut))
	// Output:
	// 0
	// true
}
