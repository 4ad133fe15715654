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

type Hero struct {
	Name  string   `redis:"name"`
	Level int8     `redis:"level"`
	Tags  []string `redis:"tags"`
}

// The handles are variables of the package, so that a bad selector stops the
// program when it starts.
var (
	heroName  = hashrepo.FieldOf(func(h *Hero) *string { return &h.Name })
	heroLevel = hashrepo.NumberOf(func(h *Hero) *int8 { return &h.Level })
	heroTags  = hashrepo.ListOf(func(h *Hero) *[]string { return &h.Tags })
)

// Update changes the fields that the patches name, in one atomic step. If one
// patch is impossible, none is applied.
func ExampleHashRepo_Update() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:hero:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	heroes, err := hashrepo.New[Hero](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := heroes.Update(ctx, "h1", heroName.Set("Alice"), heroLevel.Add(100), heroTags.Append("admin")); err != nil {
		log.Fatal(err)
	}
	err = heroes.Update(ctx, "h1", heroName.Set("Bob"), heroLevel.Add(100)) // an int8 ends at 127
	fmt.Println(errors.Is(err, hashrepo.ErrOverflow))

	hero, err := heroes.Get(ctx, "h1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", hero)
	// Output:
	// true
	// {Name:Alice Level:100 Tags:[admin]}
}
