package codec_test

import (
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/codec"
)

type Trip struct {
	Page  string        `redis:"page"`
	At    time.Time     `redis:"at"`
	Spent time.Duration `redis:"spent"`
	Paid  bool          `redis:"paid"`
	Note  *string       `redis:"note"`
}

// Compact writes what the Python package writes. JSON writes plain JSON for
// other programs.
func Example() {
	trip := Trip{Page: "/home", At: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Spent: 90 * time.Second, Paid: true}
	for _, c := range []codec.Codec{codec.Compact, codec.JSON} {
		data, err := c.Marshal(trip)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", c.Name(), data)
	}
	// Output:
	// compact: {"page":"/home","at":"2024-05-06T07:08:09Z","spent":"1m30s","paid":"1","note":null}
	// json: {"page":"/home","at":"2024-05-06T07:08:09Z","spent":90000000000,"paid":true,"note":null}
}
