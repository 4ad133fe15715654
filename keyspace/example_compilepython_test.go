package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// CompilePython writes parts as the Python package does.
func ExampleCompilePython() {
	trigger, err := keyspace.CompilePython("{tenant}:X:{action}:{id}")
	if err != nil {
		log.Fatal(err)
	}
	key, err := trigger.Key("acme", "send_mail", "42")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key)
	// Output: acme:X:send_mail:42
}
