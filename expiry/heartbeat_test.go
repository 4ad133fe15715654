package expiry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// If a lease cannot be renewed, the context of its handler ends at least a
// tenth of the lease before the lease expires, whenever the firing was claimed.
func TestHeartbeatEndsContextsBeforeLeasesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lease = time.Second
		l := &Listener{cfg: Config{Lease: lease}}
		c := newConsumer(l, nil, nil)
		c.renewing <- struct{}{} // no renewal begins
		l.consumers = []*consumer{c}
		s := newSession(t.Context())
		defer s.close()
		defer close(s.handlersDone)
		left := make(chan time.Duration, 100)
		for i := range 100 {
			leaseEnd := time.Now().Add(lease + time.Duration(i)*lease/100)
			ctx, cancel := context.WithCancelCause(s.handlerCtx)
			context.AfterFunc(ctx, func() { left <- time.Until(leaseEnd) })
			j := &job{token: token{attempt: i}, ctx: ctx, cancel: cancel, renewedAt: time.Now(), leaseEnd: leaseEnd}
			c.jobs[j.token] = j
		}
		go l.heartbeat(s, nil, nil)
		for range 100 {
			remaining := <-left
			require.GreaterOrEqual(t, remaining, lease/10)
			require.LessOrEqual(t, remaining, lease/5)
		}
	})
}
