package symphony_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// An idle process sends 8 commands for an item of a tenant that has no others:
// a look, the claim with its items, the ack, the next look, and a second later
// a look that begins the removal of the tenant from the pending set, a SCAN,
// and the end of the removal. Further looks come once a second.
func TestCommandsOfOneItem(t *testing.T) {
	pooltest.Long(t)
	server := redistest.Server(t)
	feeder, p := pooltest.Redis(t, pool.Config{URL: server.URL()}), pooltest.Redis(t, pool.Config{URL: server.URL()})
	handled := make(chan string)
	startWorkers(t, p, "svc", func(ctx context.Context, tenant string, _ symphony.Queue, _ []listrepo.Item[int]) error {
		select {
		case handled <- tenant:
		case <-ctx.Done():
		}
		return nil
	}, symphony.WorkConfig{OnError: func(err *symphony.WorkError) { t.Error(err) }})
	sent := func() int64 { return p.Stats()[pool.Handlers].Commands }
	drain := func(tenant string) {
		enqueue(t, feeder, tenant, symphony.Queue{Service: "svc", Entity: "e", Action: "a"}, 1)
		require.Equal(t, tenant, <-handled)
		requireEventually(t, func() bool { return len(pendingTenants(t, feeder, "svc")) == 0 })
	}
	drain("first") // loads the scripts, and has the scan of a new process
	fewest := int64(math.MaxInt64)
	for i := 0; i < 5 && fewest > 8; i++ { // a look that began before the item came is one more
		idle := sent()
		requireEventually(t, func() bool { return sent() > idle+1 })
		before, begin := sent(), time.Now()
		drain("next")
		looks := max(int64(time.Since(begin)/time.Second)-1, 0)
		fewest = min(fewest, sent()-before-looks)
	}
	require.LessOrEqual(t, fewest, int64(8))
}
