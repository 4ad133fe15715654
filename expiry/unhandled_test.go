package expiry_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// A listener warns once about each action whose triggers are overdue and have
// no handler. It does not warn about triggers that are not overdue, or that
// another listener handles.
func TestOverdueTriggersWithoutAHandler(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		overdue := func(action, id string) {
			require.NoError(t, f.schedule().Set(ctx, action, id, time.Hour))
			f.redis("ZADD", f.scheduleKey("due", action, id), strconv.FormatInt(time.Now().Add(-2*time.Minute).UnixMilli(), 10), prefixed(f, action, id))
		}
		overdue("remnd", "1")
		overdue("remnd", "2")
		require.NoError(t, f.schedule().Set(ctx, "later", "1", time.Hour))
		require.NoError(t, f.schedule().Set(ctx, "now", "1", 0))
		overdue("elsewhere", "1")
		f.redis("SET", f.scheduleKey("swept", "elsewhere", "1"), strconv.FormatInt(time.Now().UnixMicro(), 10))

		var log logBuffer
		l, _ := f.listen(expiry.Config{Sweep: 10 * time.Millisecond, Logger: newLogger(&log)}, handlers{"remind": f.record, "bill": f.record})
		f.eventually(func() bool { return l.Stats().Unhandled == 1 })
		overdue("bil", "1")
		f.eventually(func() bool { return l.Stats().Unhandled == 2 }) // after further sweeps
		text := log.String()
		require.Equal(t, 2, strings.Count(text, "no handler in this process"), text)
		require.Equal(t, 1, strings.Count(text, "action=remnd "), text)
		require.Equal(t, 2, strings.Count(text, "handled=\"bill remind\""), text)
		require.Equal(t, 1, strings.Count(text, "action=bil "), text)
		require.NotContains(t, text, "action=elsewhere")
		require.NotContains(t, text, "action=later")
		require.NotContains(t, text, "action=now")
	})
}

// prefixed returns the key of a trigger with the pool's prefix.
func prefixed(f *fixture, action, id string) string {
	return f.pools.Prefix(pool.Expiry) + f.key(action, id)
}
