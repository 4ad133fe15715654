package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Recipe struct {
	Steps []string `redis:"steps"`
}

var recipeSteps = hashrepo.ListOf(func(r *Recipe) *[]string { return &r.Steps })

// ListOf returns the handle of a slice. It has the methods of a Field, and
// Append.
func ExampleListOf() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:recipe:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	recipes, err := hashrepo.New[Recipe](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := recipes.Update(ctx, "r1", recipeSteps.Set([]string{"boil"})); err != nil {
		log.Fatal(err)
	}
	if err := recipes.Update(ctx, "r1", recipeSteps.Append("stir", "serve")); err != nil {
		log.Fatal(err)
	}
	steps, err := recipeSteps.Get(ctx, recipes, "r1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(steps)
	// Output: [boil stir serve]
}
