package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Glob returns the pattern for a SCAN. Any stands for any value; a * in a part
// is escaped.
func ExamplePattern_Glob() {
	trigger := keyspace.Default().Trigger

	fmt.Println(trigger.Glob("acme", keyspace.Any, "42"))
	fmt.Println(trigger.Glob("acme", keyspace.Any, "*"))
	fmt.Println(trigger.Glob("", keyspace.Any, "42"))
	// Output:
	// acme:EXPTRIGGER:*:42
	// acme:EXPTRIGGER:*:\*
	// []
}
