package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// HashTag returns the parameter in double braces, which chooses the slot.
func ExamplePattern_HashTag() {
	fmt.Println(keyspace.Cluster().Trigger.HashTag())
	fmt.Printf("%q\n", keyspace.Default().Trigger.HashTag())
	// Output:
	// shard
	// ""
}
