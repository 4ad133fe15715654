package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// CheckPart validates one part when the others are not known yet.
func ExamplePattern_CheckPart() {
	trigger := keyspace.Default().Trigger // tenant, action, id

	fmt.Println(trigger.CheckPart(0, "acme"))
	fmt.Println(trigger.CheckPart(0, ""))
	// Output:
	// <nil>
	// invalid key: the tenant is empty; give it a value
}
