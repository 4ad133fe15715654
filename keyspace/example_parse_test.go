package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Parse returns the parts of a key. It reports false for a key that is not the
// pattern's.
func ExamplePattern_Parse() {
	user := keyspace.Default().User

	fmt.Println(user.Parse("north%3Aeast:user:u1"))
	fmt.Println(user.Parse("acme:order:u1"))
	// Output:
	// [north:east u1] true
	// [] false
}
