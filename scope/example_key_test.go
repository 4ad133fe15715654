package scope_test

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/scope"
)

type Limits struct{ Seats int }

// limits is the key of the limits. A key is a variable of its package, and its
// type is that of the values.
var limits = scope.NewKey[Limits]("limits")

// seats reads the limits from the context.
func seats(ctx context.Context) int {
	if l, ok := limits.From(ctx); ok {
		return l.Seats
	}
	return 1
}

// A Key identifies a value of its type in a context.
func ExampleKey() {
	ctx := context.Background()
	fmt.Println(seats(ctx))
	fmt.Println(seats(limits.With(ctx, Limits{Seats: 50})))
	// Output:
	// 1
	// 50
}
