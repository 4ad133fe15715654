package keyspace_test

import (
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// In the layout by tenant, all records of a tenant share a slot.
func ExampleClusterByTenant() {
	l := keyspace.ClusterByTenant()

	user, _ := l.User.Key("acme", "u1")
	row, _ := l.Table.Key("acme", "orders", "7")
	fmt.Println(user, row)
	fmt.Println(keyspace.Slot(user) == keyspace.Slot(row))

	spread, _ := keyspace.Cluster().User.Bind("acme")
	together, _ := l.User.Bind("acme")
	fmt.Println(spread.OneSlot(), together.OneSlot())
	// Output:
	// {acme}:user:u1 {acme}:df:orders:pkid:7
	// true
	// false true
}
