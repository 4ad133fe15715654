package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// A parameter in double braces is also the hash tag of a cluster.
var jobKeys = keyspace.MustCompile("{tenant}:job:{{queue}}:{id}")

// Templates are constants. A bad one stops the program when it starts.
func ExampleMustCompile() {
	key, err := jobKeys.Key("acme", "mail", "7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key)
	fmt.Println(jobKeys.Params())
	// Output:
	// acme:job:{mail}:7
	// [tenant queue id]
}
