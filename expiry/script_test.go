package expiry

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// If the client repeats a call because its reply was lost, the call keeps the
// first due time.
func TestRepeatedCallChangesNothing(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{}) // lifetimes on the embedded server are not exact
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	keys := []string{"acme:EXPTRIGGER:x:1", "%exp:due:x", "%exp:payloads:x", "%exp:status:x", "%exp:handled:x"}
	for _, letters := range []string{"", "p", "d", "pd", "a", "pa", "b", "pb", "db", "pr"} {
		t.Run(letters, func(t *testing.T) {
			require.NoError(t, pooltest.Do(t, p, pool.Expiry, "FLUSHDB").Error())
			args := []string{"60000", callStamps.next(), letters, "90000", "@11:every 60000text"}
			if letters == "" {
				args = args[:2]
			}
			first := runSet(t, client, keys, args)
			waitForClock(t, client, first)
			require.Equal(t, first, runSet(t, client, keys, args))
			if strings.Contains(letters, "b") {
				return
			}
			score, err := client.Do(t.Context(), client.B().Zscore().Key(keys[1]).Member(keys[0]).Build()).AsFloat64()
			require.NoError(t, err)
			require.Equal(t, first, strconv.FormatFloat(score, 'f', -1, 64))
			ends, err := client.Do(t.Context(), client.B().Pexpiretime().Key(keys[0]).Build()).AsInt64()
			require.NoError(t, err)
			require.Equal(t, ends, int64(score)+graceMS)
		})
	}
}

func runSet(t *testing.T, c rueidis.Client, keys, args []string) string {
	t.Helper()
	m, err := runScript(context.Background(), c, lua.set, keys, args)
	require.NoError(t, err)
	text, err := m.ToString()
	require.NoError(t, err)
	return text
}

// waitForClock waits until the server's clock has advanced, so that a second
// call would set another time.
func waitForClock(t *testing.T, c rueidis.Client, due string) {
	t.Helper()
	at, err := strconv.ParseInt(due, 10, 64)
	require.NoError(t, err)
	for now := int64(0); now <= at-60000+5; time.Sleep(time.Millisecond) {
		clock, err := c.Do(t.Context(), c.B().Time().Build()).AsIntSlice()
		require.NoError(t, err)
		now = clock[0]*1000 + clock[1]/1000
	}
}
