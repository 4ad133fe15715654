package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// Bind fixes all parts but one, which is the ID of the records. It is the last
// part, or the part for which Any is passed.
func ExamplePattern_Bind() {
	users, err := keyspace.Default().User.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	states, err := keyspace.Default().SharedState.Bind("acme", keyspace.Any, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(users, states)

	key, err := states.Key("cart")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key)
	id, ok := states.ID("acme:SS:cart:u1")
	fmt.Println(id, ok)
	// Output:
	// acme:user:{id} acme:SS:{state}:u1
	// acme:SS:cart:u1
	// cart true
}
