package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// If the keys of a template could be read in two ways, Compile returns an error
// with a hint.
func ExampleCompile() {
	_, err := keyspace.Compile("{tenant}{id}")
	fmt.Println(err)
	// Output:
	// keyspace: template "{tenant}{id}": there is no : between {tenant} and {id}, so a key could be read in two ways; put a : there
}
