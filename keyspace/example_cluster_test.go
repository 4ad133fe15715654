package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// In the layout of a cluster, the keys that change together share a slot.
func ExampleCluster() {
	l := keyspace.Cluster()

	queue, _ := l.BatchList.Key("acme", "mail", "order", "send")
	pending, _ := l.PendingSet.Key("mail")
	fmt.Println(queue, pending)
	fmt.Println(keyspace.Slot(queue) == keyspace.Slot(pending))

	_, err := l.User.Key("acme", "{mail}")
	fmt.Println(err)
	// Output:
	// acme:batch:{mail}:order:send pending_batches:{mail}
	// true
	// invalid key: the id "{mail}" of "{tenant}:user:{id}" contains a brace, which would change the cluster slot of the key; remove it
}
