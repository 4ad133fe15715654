// Package systemtest tests the whole library: against servers that fail, refuse
// commands, return invalid replies, fail over and close connections, against
// records of the Python package, and under load for a long time.
package systemtest

import (
	"context"
	"testing"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
)

func TestMain(m *testing.M) { pooltest.Main(m) }

var ctx = context.Background()

var queue = symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}

type profile struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"score"`
	Tags  []string `redis:"tags"`
}
