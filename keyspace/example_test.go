package keyspace_test

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

func Example() {
	invoice := keyspace.MustCompile("{tenant}:invoice:{year}:{number}")

	key, err := invoice.Key("acme", "2026", "A-17")
	fmt.Println(key, err)

	parts, ok := invoice.Parse("acme:invoice:2026:A-17")
	fmt.Println(parts, ok)

	fmt.Println(invoice.Glob("acme", keyspace.Any, keyspace.Any))
	// Output:
	// acme:invoice:2026:A-17 <nil>
	// [acme 2026 A-17] true
	// acme:invoice:*:*
}

func ExampleCompile() {
	_, err := keyspace.Compile("{tenant}{id}")
	fmt.Println(err)
	// Output:
	// keyspace: template "{tenant}{id}": nothing with a : between {tenant} and {id}, so keys could be read in two ways; put a : there
}

func ExampleCompilePython() {
	trigger, err := keyspace.CompilePython("{tenant}:X:{action}:{id}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trigger.Key("acme", "send_mail", "42"))
	_, err = trigger.Key("acme", "send:mail", "42")
	fmt.Println(err)
	// Output:
	// acme:X:send_mail:42 <nil>
	// keyspace: invalid key: {action} of "{tenant}:X:{action}:{id}" ("send:mail") holds a colon, so that in the Python package's keys other parts could give the same key; take it out, or allow it with keyspace.AllowAmbiguous
}

func ExamplePattern_Key() {
	user := keyspace.Default().User

	for _, id := range []string{"u1", "a:b%", ""} {
		key, err := user.Key("north:east", id)
		fmt.Println(key, errors.Is(err, keyspace.ErrInvalidKey))
	}
	// Output:
	// north%3Aeast:user:u1 false
	// north%3Aeast:user:a:b% false
	//  true
}

func ExamplePattern_Glob() {
	trigger := keyspace.Default().Trigger

	fmt.Println(trigger.Glob("acme", keyspace.Any, "42"))
	fmt.Println(trigger.Glob("acme", keyspace.Any, "*"))
	fmt.Println(trigger.Glob("", keyspace.Any, "42"))
	// Output:
	// acme:EXPTRIGGER:*:42
	// acme:EXPTRIGGER:*:\*
	// []
}

func ExamplePattern_Bind() {
	users, err := keyspace.Default().User.Bind("acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	states, err := keyspace.Default().SharedState.Bind("acme", keyspace.Any, "u1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(users, states)

	key, err := states.Key("cart")
	fmt.Println(key, err)
	id, ok := states.ID("acme:SS:cart:u1")
	fmt.Println(id, ok)
	// Output:
	// acme:user:{id} acme:SS:{state}:u1
	// acme:SS:cart:u1 <nil>
	// cart true
}

func ExampleCluster() {
	l := keyspace.Cluster()

	queue, _ := l.BatchList.Key("acme", "mail", "order", "send")
	pending, _ := l.PendingSet.Key("mail")
	fmt.Println(queue, pending)

	_, err := l.User.Key("acme", "{mail}")
	fmt.Println(err)
	// Output:
	// acme:batch:{mail}:order:send pending_batches:{mail}
	// keyspace: invalid key: {id} of "{tenant}:user:{id}" ("{mail}") holds a brace, which in this pattern marks the hash tag alone; take it out
}

func ExampleBeside() {
	fmt.Println(keyspace.Beside("lease", "acme:user:u1"))
	fmt.Println(keyspace.Beside("lease", "pending_batches:{mail}"))
	// Output:
	// %lease:{acme:user:u1}
	// %lease:pending_batches:{mail}
}
