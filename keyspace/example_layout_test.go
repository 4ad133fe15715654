package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// A custom layout starts from one of this package. If it is set in
// pool.Config.Layout, every repository uses it.
func ExampleLayout() {
	layout := keyspace.Default()
	layout.User = keyspace.MustCompile("{tenant}:member:{id}")

	user, err := layout.User.Key("acme", "u1")
	if err != nil {
		log.Fatal(err)
	}
	row, err := layout.Table.Key("acme", "orders", "7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user, row)
	// Output: acme:member:u1 acme:df:orders:pkid:7
}
