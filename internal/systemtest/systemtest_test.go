// Package systemtest tests the whole library against servers that fail, refuse,
// answer wrongly, fail over and lose connections, against the records of the
// Python package, and for long times under load.
package systemtest

import (
	"context"

	"github.com/symphony-go/symphony"
)

var ctx = context.Background()

var queue = symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}

type profile struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"score"`
	Tags  []string `redis:"tags"`
}
