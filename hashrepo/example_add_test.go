package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Wallet struct {
	Cents uint32 `redis:"cents"`
}

var walletCents = hashrepo.NumberOf(func(w *Wallet) *uint32 { return &w.Cents })

// Add adds to a number, atomically. If the sum leaves the range of the field's
// type, Update returns ErrOverflow and changes nothing.
func ExampleNumber_Add() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:wallet:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	wallets, err := hashrepo.New[Wallet](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := wallets.Update(ctx, "w1", walletCents.Add(500)); err != nil {
		log.Fatal(err)
	}

	err = wallets.Update(ctx, "w1", walletCents.Add(1<<32-1))
	fmt.Println(errors.Is(err, hashrepo.ErrOverflow))
	wallet, err := wallets.Get(ctx, "w1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(wallet.Cents)
	// Output:
	// true
	// 500
}
