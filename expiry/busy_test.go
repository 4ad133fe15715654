package expiry_test

import (
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A listener may stop while the server is busy with a script. What the client
// library does wrong then ends the process, so this runs in one of its own.
func TestStoppingWhileTheServerIsBusy(t *testing.T) {
	const server = "EXPIRY_BUSY_SERVER"
	if url := os.Getenv(server); url != "" {
		stopWhileBusy(t, url)
		return
	}
	for _, protocol := range []string{"3", "2"} {
		s := redistest.Server(t, "busy-reply-threshold 1")
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoppingWhileTheServerIsBusy$", "-test.v")
		child.Env = append(os.Environ(), server+"="+s.URL()+"?protocol="+protocol)
		out, err := child.CombinedOutput()
		require.NoError(t, err, "protocol %s: %s", protocol, out)
	}
}

func stopWhileBusy(t *testing.T, url string) {
	t.Helper()
	w := newWorld(t, pooltest.Redis(t, pool.Config{URL: url}))
	_, stop := w.listen(expiry.Config{StopTimeout: 100 * time.Millisecond}, handlers{"x": w.note})
	w.subscribed(1)
	other := newWorld(t, pooltest.Redis(t, pool.Config{URL: url}))
	ping := func() error { return pooltest.Do(t, other.pools, pool.User, "DBSIZE").Error() }
	var script sync.WaitGroup
	script.Go(func() { _ = pooltest.Do(t, other.pools, pool.Expiry, "EVAL", "while true do end", "0").Error() })
	w.eventually(func() bool { return ping() != nil })
	stop()
	require.NoError(t, pooltest.Do(t, other.pools, pool.User, "SCRIPT", "KILL").Error())
	script.Wait()
	w.eventually(func() bool { return ping() == nil })
}
