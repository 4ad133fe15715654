package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// A pattern builds a key from its parts, parses a key into its parts, and
// builds the glob for a SCAN.
func Example() {
	invoice := keyspace.MustCompile("{tenant}:invoice:{year}:{number}")

	key, err := invoice.Key("acme", "2026", "A-17")
	fmt.Println(key, err)

	parts, ok := invoice.Parse("acme:invoice:2026:A-17")
	fmt.Println(parts, ok)

	fmt.Println(invoice.Glob("acme", keyspace.Any, keyspace.Any))
	// Output:
	// acme:invoice:2026:A-17 <nil>
	// [acme 2026 A-17] true
	// acme:invoice:*:*
}
