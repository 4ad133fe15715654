package expiry

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
)

// runningKey returns the key of the places of the tenant of a firing.
func (q *queue) runningKey(member string) string {
	_, key, _ := strings.Cut(member, "|")
	tenant, _, _ := strings.Cut(strings.TrimPrefix(key, q.literals[0]), q.literals[1])
	return q.running + tenant
}

// places returns the keys and members of the places of firings.
func (q *queue) places(claims []token) (keys, members []string) {
	for _, t := range claims {
		keys, members = append(keys, q.runningKey(t.member)), append(members, strconv.Itoa(t.attempt)+"|"+t.member)
	}
	return keys, members
}

// freePlaces frees the places of firings whose handlers have returned. If a
// call fails, a place is free when the lease has expired.
func (q *queue) freePlaces(ctx context.Context, claims []token) error {
	keys, members := q.places(claims)
	_, err := runScript(ctx, q.client, q.lua.freePlaces, keys, members)
	return err
}

// renewPlaces renews the places of firings whose handlers run.
func (q *queue) renewPlaces(ctx context.Context, claims []token, lease time.Duration) error {
	keys, members := q.places(claims)
	_, err := runScript(ctx, q.client, q.lua.renewPlaces, keys, append([]string{duration.Milliseconds(lease)}, members...))
	return err
}

// leavePlaces frees the places of jobs, if there is a bound.
func (c *consumer) leavePlaces(s *session, jobs []*job) {
	if c.perTenant == 0 {
		return
	}
	for len(jobs) > 0 {
		n := min(len(jobs), outcomePage)
		tokens := tokensOf(jobs[:n])
		c.retryRecording(s, jobs[:n], func(ctx context.Context) error { return c.freePlaces(ctx, tokens) })
		jobs = jobs[n:]
	}
}
