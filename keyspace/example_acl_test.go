package keyspace_test

import (
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/keyspace"
)

// A Redis user for the users of one tenant.
func ExampleLayout_ACL() {
	rules := keyspace.Default().ACL("acme", keyspace.ACLUser)
	fmt.Println("ACL SETUSER acme reset on >secret", strings.Join(rules, " "))

	// What is special in a pattern is escaped.
	rules = keyspace.Default().ACL("a*", keyspace.ACLUser)
	fmt.Println(rules[len(rules)-1])

	// A later rule takes precedence.
	rules = append(rules, "-scan")
	fmt.Println(rules[len(rules)-1])
	// Output:
	// ACL SETUSER acme reset on >secret +eval +evalsha +exec +exists +hdel +hello +hget +hincrby +hkeys +hlen +hmget +hset +multi +persist +pexpire +ping +pttl +role +scan +select +type +unlink ~acme:user:*
	// ~a\*:user:*
	// -scan
}

// A Redis user for the listeners of a service, which handle the triggers of all
// tenants.
func ExampleLayout_ServiceACL() {
	for _, rule := range keyspace.Default().ServiceACL(keyspace.ACLListener) {
		if !strings.HasPrefix(rule, "+") {
			fmt.Println(rule)
		}
	}
	// Output:
	// ~*:EXPTRIGGER:*
	// ~%exp:*
	// &%exp:wake:*
	// &__keyevent@*
}

// A tenant without rules has a reason.
func ExampleLayout_CheckACL() {
	fmt.Println(keyspace.Default().ACL("two\nlines"))
	fmt.Println(keyspace.Default().CheckACL("two\nlines"))
	fmt.Println(keyspace.Python().CheckACL("acme:user"))
	// Output:
	// []
	// no ACL rules: "two\nlines:" contains white space other than a space, which no ACL pattern can contain; rename it
	// invalid key: the tenant "acme:user" of "{tenant}:user:{id}" contains a colon, so that other parts could make the same key; remove it, or allow it with keyspace.AllowAmbiguous
}
