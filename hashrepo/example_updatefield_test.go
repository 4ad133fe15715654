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

type Setting struct {
	Theme string `redis:"theme"`
	Size  int    `redis:"size"`
}

// UpdateField writes a field whose name is data, such as from a form. If the
// record type has no such field, or the value does not fit it, nothing is sent.
func ExampleHashRepo_UpdateField() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:setting:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	settings, err := hashrepo.New[Setting](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := settings.UpdateField(ctx, "u1", "theme", "dark"); err != nil {
		log.Fatal(err)
	}

	err = settings.UpdateField(ctx, "u1", "colour", "red")
	fmt.Println(errors.Is(err, hashrepo.ErrUnknownField))
	err = settings.UpdateField(ctx, "u1", "size", "large")
	fmt.Println(errors.Is(err, hashrepo.ErrFieldType))
	fmt.Println(settings.Get(ctx, "u1"))
	// Output:
	// true
	// true
	// {dark 0} <nil>
}
