package hashrepo_test

import (
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
)

type Depositor struct {
	Email string    `redis:"email,unique"`
	Since time.Time `redis:"since,was=joined"`
}

// A service writes the schema to a file, with which symphony check -schema
// compares the records in Redis.
func ExampleDescribe() {
	schema, err := hashrepo.Describe[Depositor](hashrepo.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output:
	// {
	//   "type": "hashrepo_test.Depositor",
	//   "codec": "compact",
	//   "lifetime_ms": 0,
	//   "listed": true,
	//   "fields": [
	//     {
	//       "name": "email",
	//       "go": "string",
	//       "kind": "string",
	//       "index": "t-email",
	//       "unique": true
	//     },
	//     {
	//       "name": "since",
	//       "go": "time.Time",
	//       "kind": "time",
	//       "was": [
	//         "joined"
	//       ]
	//     }
	//   ]
	// }
}

// A Checker needs no server, so a service can check an export or a test
// fixture.
func ExampleNewChecker() {
	schema, err := hashrepo.Describe[Depositor]()
	if err != nil {
		log.Fatal(err)
	}
	checker, err := hashrepo.NewChecker(schema)
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range checker.Check(map[string]string{"email": "ann@example.com", "since": "2026-11-29T12:00:00Z", "phone": "555"}) {
		fmt.Println(err)
	}
	// Output:
	// field "phone": unknown field: the fields of hashrepo_test.Depositor are email, since; add it to the type, or remove it with HDEL
}
