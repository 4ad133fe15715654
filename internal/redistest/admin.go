package redistest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// admin runs commands on one server, and fails the test where one fails.
type admin struct {
	tb     testing.TB
	client rueidis.Client
}

func (s *Instance) admin(tb testing.TB) admin {
	tb.Helper()
	return admin{tb, s.Client(tb, 0)}
}

func (a admin) do(command ...string) string {
	a.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := a.client.Do(ctx, a.client.B().Arbitrary(command...).Build()).ToString()
	if err != nil {
		a.tb.Fatalf("redistest: %s: %v", strings.Join(command, " "), err)
	}
	return text
}

// says reports whether the answer of INFO holds a line.
func (a admin) says(line string) bool {
	a.tb.Helper()
	return strings.Contains(a.do("INFO"), line+"\r\n")
}
