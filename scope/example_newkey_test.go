package scope_test

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/scope"
)

// Two keys are different even if their names are equal.
func ExampleNewKey() {
	locale := scope.NewKey[string]("locale")
	ctx := locale.With(context.Background(), "de")
	fmt.Println(locale.From(ctx))
	fmt.Println(scope.NewKey[string]("locale").From(ctx)) // another key
	// Output:
	// de true
	//  false
}
