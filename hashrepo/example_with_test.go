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

type Note struct {
	Text string `redis:"text"`
}

// With returns a view with more options. The original stays as it was.
func ExampleHashRepo_With() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:note:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	notes, err := hashrepo.New[Note](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	create := notes.With(hashrepo.IfAbsent())

	if err := create.Upsert(ctx, "n1", Note{Text: "first"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(create.Upsert(ctx, "n1", Note{Text: "second"}), hashrepo.ErrExists))
	fmt.Println(notes.Upsert(ctx, "n1", Note{Text: "second"}))
	// Output:
	// true
	// <nil>
}
