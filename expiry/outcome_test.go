package expiry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// ackAndClaim works whichever of the scripts the server has.
func TestAckAndClaimLoadsTheScripts(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL()})
	f := newTurnFixture(t, p)
	load := map[string]func(){
		"none": func() {},
		"ack":  func() { _, err := f.queue.ack(t.Context(), []token{{"1|x", 1}}); require.NoError(t, err) },
		"claim": func() {
			_, err := f.queue.claim(t.Context(), 0, time.Minute, 20)
			require.NoError(t, err)
		},
	}
	for name, load := range load {
		t.Run(name, func(t *testing.T) {
			f.set("1")
			first := f.claim(1)
			require.Len(t, first, 1)
			f.set("2")
			require.NoError(t, pooltest.Do(t, p, pool.Expiry, "SCRIPT", "FLUSH").Error())
			load()
			a, c := f.queue.ackAndClaim(t.Context(), []token{{first[0].member, 1}, {"1|x", 1}}, 1, time.Minute, 20)
			require.NoError(t, a.err)
			require.Equal(t, []int{1}, a.lost)
			require.NoError(t, c.err)
			require.Len(t, c.result.firings, 1)
			_, err := f.queue.ack(t.Context(), []token{{c.result.firings[0].member, 1}})
			require.NoError(t, err)
			f.requireNothingLeft()
		})
	}
}

// If a success cannot be recorded with a claim, it is left to recordOutcomes.
func TestOutcomeThatIsNotRecordedWithAClaim(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL()})
	r := NewRegistry()
	require.NoError(t, r.On("x", func(context.Context, Event) error { return nil }))
	l, err := NewListener(p, r, Config{})
	require.NoError(t, err)
	c, s := l.consumers[0], newSession(t.Context())
	defer s.close()
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "SET", c.active, "not a sorted set").Error())

	j := &job{token: token{"1|x", 1}}
	c.jobs[j.token] = j
	c.noteOutcome(j, done, nil)
	batch := c.takeDone()
	require.Equal(t, []*job{j}, batch)
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "HSET", c.status, "1|x", "1 0 0 0 ").Error())
	_, err = c.recordAndClaim(s, batch, 1)
	require.NoError(t, err)
	require.Equal(t, []*job{j}, c.takeFinished())
	require.True(t, j.maybeRecorded)
	require.Len(t, c.outcomeReady, 1)
	require.Contains(t, c.jobs, j.token, "its lease is renewed until then")

	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "DEL", c.active).Error())
	_, err = c.recordAndClaim(s, batch, 1)
	require.NoError(t, err)
	require.Empty(t, c.jobs)
	require.EqualValues(t, 1, l.Stats().Succeeded)
}
