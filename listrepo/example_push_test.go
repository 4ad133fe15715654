package listrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Mail struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// Push appends items and returns the queue's length. The items may be structs.
func ExampleListRepo_Push() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:mail:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	mails, err := listrepo.New[Mail](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}

	length, err := mails.Push(ctx, "out", Mail{"alice@example.com", "hello"}, Mail{"bob@example.com", "hi"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length)
	// Output: 2
}
