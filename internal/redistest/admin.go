package redistest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// admin runs commands on one server. If a command fails, the test fails.
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
	text, err := a.send(command).ToString()
	a.check(command, err)
	return text
}

// list runs a command that replies with a list.
func (a admin) list(command ...string) []string {
	a.tb.Helper()
	texts, err := a.send(command).AsStrSlice()
	a.check(command, err)
	return texts
}

func (a admin) send(command []string) rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return a.client.Do(ctx, a.client.B().Arbitrary(command...).Build())
}

func (a admin) check(command []string, err error) {
	a.tb.Helper()
	if err != nil {
		a.tb.Fatalf("redistest: %s: %v", strings.Join(command, " "), err)
	}
}

// infoContains reports whether the reply of INFO contains a line.
func (a admin) infoContains(line string) bool {
	a.tb.Helper()
	return strings.Contains(a.do("INFO"), line+"\r\n")
}
