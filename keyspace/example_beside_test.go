package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Beside makes the key of what belongs to a record, in the record's slot.
func ExampleBeside() {
	fmt.Println(keyspace.Beside("lease", "acme:user:u1"))
	fmt.Println(keyspace.Beside("lease", "pending_batches:{mail}"))
	// Output:
	// %lease:{acme:user:u1}
	// %lease:pending_batches:{mail}
}
