// Package examples_test runs the programs as their readers do.
package examples_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
)

// Each program does its work on the embedded server, on a server of one's own,
// and on a cluster of three primaries and three replicas, from one URL.
func TestPrograms(t *testing.T) {
	pooltest.Long(t)
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "./...").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, at := range []struct {
		name, url, prefix string // what the keys of pool.User begin with
	}{
		{"embedded", "", ""},
		{"server", redistest.Server(t).URL(), ""},
		{"cluster", redistest.ReplicatedCluster(t).URL(), "user:"},
	} {
		t.Run(at.name, func(t *testing.T) {
			for program, says := range map[string][]string{
				"quickstart": {
					"  " + at.prefix + "quickstart-", ":user:u1 (hash, ttl -1 s)", "costs from 5 to 50: order 8", ":u1 (string, ttl ", "fired: call u1 of",
					"sent: {From:Alice Text:are you there?}", `:limits (string, ttl -1 s): {"per_minute":60}`,
				},
				"custom":    {"used: 3", "GET /orders: 3 calls"},
				"reminders": {"chat9 is summarized, once", "one is taken back: true", "sent: your cups are ready to Alice, at attempt 2", "the index of the shop: begun, done, begun, done"},
				"service":   {`the last ticket of 1: "my cup is broken\ncan I have another one?\n"`},
				"tools":     {"calling weather, museums, restaurants, parks", "after 6 calls: a day in Bogotá"},
			} {
				t.Run(program, func(t *testing.T) {
					t.Parallel()
					out, err := command(t, filepath.Join(dir, program), at.url).CombinedOutput()
					require.NoError(t, err, string(out))
					for _, text := range says {
						require.Contains(t, string(out), text)
					}
				})
			}
		})
	}
}

// command is a program that is killed when it takes far too long.
func command(t *testing.T, program, url string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, program)
	c.Env = append(os.Environ(), "REDIS_URL="+url, "ADDR=127.0.0.1:0")
	return c
}
