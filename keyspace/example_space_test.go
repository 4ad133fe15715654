package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

var roomKeys = keyspace.MustCompile("{tenant}:room:{id}")

// A Space is the keys of one repository. Its glob can match keys of another
// space, so ID reports whether a key that SCAN returned belongs to the space.
func ExampleSpace() {
	rooms, err := roomKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(rooms.Glob())
	for _, key := range []string{"acme:room:12", "acme:roommate:7"} {
		id, ok := rooms.ID(key)
		fmt.Printf("%q %v\n", id, ok)
	}
	// Output:
	// acme:room:*
	// "12" true
	// "" false
}
