package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Beside returns a reserved key that belongs to a record and shares its slot.
func ExampleBeside() {
	fmt.Println(keyspace.Beside("lease", "acme:user:u1"))
	fmt.Println(keyspace.Beside("lease", "pending_batches:{mail}"))
	// Output:
	// %lease:{acme:user:u1}
	// %lease:pending_batches:{mail}
}

// ParseBeside finds the record of a reserved key.
func ExampleParseBeside() {
	kind, key, ok := keyspace.ParseBeside("%lease:{acme:user:u1}")
	fmt.Println(kind, key, ok)
	// Output:
	// lease acme:user:u1 true
}
