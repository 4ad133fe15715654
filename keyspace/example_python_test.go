package keyspace_test

import (
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
)

// Python is the layout of the Python package. If no part contains a ":" or a
// "%", its keys are those of Default. It refuses a part with a ":" that could
// make the key of other parts; AllowAmbiguous accepts it.
func ExamplePython() {
	for _, layout := range []keyspace.Layout{keyspace.Default(), keyspace.Python(keyspace.AllowAmbiguous)} {
		usual, err := layout.Trigger.Key("acme", "remind", "u1")
		if err != nil {
			log.Fatal(err)
		}
		colon, err := layout.Trigger.Key("acme", "send:mail", "u1")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(usual, colon)
	}
	// Output:
	// acme:EXPTRIGGER:remind:u1 acme:EXPTRIGGER:send%3Amail:u1
	// acme:EXPTRIGGER:remind:u1 acme:EXPTRIGGER:send_mail:u1
}
