package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Parse returns the parts of a key. If the key does not fit the pattern, it
// reports false.
func ExamplePattern_Parse() {
	user := keyspace.Default().User

	fmt.Println(user.Parse("north%3Aeast:user:u1"))
	fmt.Println(user.Parse("acme:order:u1"))
	// Output:
	// [north:east u1] true
	// [] false
}
