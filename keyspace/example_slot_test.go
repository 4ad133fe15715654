package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Slot returns the slot of a key on a cluster. If the key has a hash tag, it is
// the slot of the tag.
func ExampleSlot() {
	fmt.Println(keyspace.Slot("acme:user:u1") == keyspace.Slot("acme:user:u2"))
	fmt.Println(keyspace.Slot("a:{mail}") == keyspace.Slot("b:{mail}"))
	// Output:
	// false
	// true
}
