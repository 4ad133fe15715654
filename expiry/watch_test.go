package expiry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Wake-ups are lost while there is no subscription, so each subscription wakes
// all consumers.
func TestSubscriptionWakesConsumers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		r := NewRegistry()
		for _, action := range []string{"x", "y"} {
			require.NoError(t, r.On(action, func(context.Context, Event) error { return nil }))
		}
		l, err := NewListener(p, r, Config{})
		require.NoError(t, err)
		s := newSession(t.Context())
		wakeUps := l.subscription(s, nil)
		wakeUps.Choices = wakeUps.Choices[1:]
		ended := make(chan struct{})
		go func() {
			wakeUps.Run(s.ctx, l.core.Client)
			close(ended)
		}()
		for _, c := range l.consumers {
			require.Eventually(t, func() bool { later := time.Now().Add(time.Hour); return c.alarm.Before(later).Before(later) }, 30*time.Second, time.Millisecond)
		}
		s.close()
		<-ended
	})
}
