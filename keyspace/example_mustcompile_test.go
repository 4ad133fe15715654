package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// Templates are constants, so they are compiled when the program starts. A
// parameter in double braces is also the hash tag of a cluster.
var jobKeys = keyspace.MustCompile("{tenant}:job:{{queue}}:{id}")

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
