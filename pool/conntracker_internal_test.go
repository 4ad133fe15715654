package pool

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The state of an alias is that of its server that is down for the longest
// time. A server that a cluster has removed does not count for ever.
func TestStateOfSeveralServers(t *testing.T) {
	tracker := &connTracker{}
	state := func() (s Stats) {
		tracker.addState(&s)
		return s
	}
	require.Zero(t, state())
	one, two, three := tracker.breaker("one"), tracker.breaker("two"), tracker.breaker("three")
	require.Zero(t, state())
	one.connected()
	two.connected()
	require.Equal(t, two.since, state().Since)
	two.failed(errors.New("refused"))
	three.failed(errors.New("unreachable"))
	require.Equal(t, Stats{Down: true, Since: two.since, LastError: "unreachable"}, state())
	two.lastAttempt = two.lastAttempt.Add(-forgetAfter)
	require.Equal(t, Stats{Down: true, Since: three.since, LastError: "unreachable"}, state())
	three.lastAttempt = three.lastAttempt.Add(-forgetAfter)
	require.Equal(t, Stats{Since: one.since, LastError: "unreachable"}, state())

	alone := &connTracker{}
	alone.breaker("one").failed(errors.New("refused"))
	alone.breaker("one").lastAttempt = time.Time{}
	s := Stats{}
	alone.addState(&s)
	require.True(t, s.Down, "a single server is not forgotten")
}
