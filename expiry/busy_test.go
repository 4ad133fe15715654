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

// A listener may stop while the server is busy with a script. A bug of the
// client library would end the process, so the test runs in a process of its
// own.
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
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: url}))
	_, stop := f.listen(expiry.Config{StopTimeout: 100 * time.Millisecond}, handlers{"x": f.record})
	f.waitForSubscribers(1)
	other := newFixture(t, pooltest.Redis(t, pool.Config{URL: url}))
	ping := func() error { return pooltest.Do(t, other.pools, pool.User, "DBSIZE").Error() }
	var script sync.WaitGroup
	script.Go(func() { _ = pooltest.Do(t, other.pools, pool.Expiry, "EVAL", "while true do end", "0").Error() })
	f.eventually(func() bool { return ping() != nil })
	stop()
	require.NoError(t, pooltest.Do(t, other.pools, pool.User, "SCRIPT", "KILL").Error())
	script.Wait()
	f.eventually(func() bool { return ping() == nil })
}
