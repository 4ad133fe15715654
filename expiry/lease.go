package expiry

import (
	"context"
	"time"

	"github.com/symphony-go/symphony/internal/testclock"
)

// heartbeat renews the leases of the listener's jobs until no more outcomes are
// expected.
func (l *Listener) heartbeat(s *session, m *testclock.Member, moved <-chan struct{}) {
	defer m.Leave()
	ticker := time.NewTicker(l.leaseCheckPeriod())
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-moved:
		case <-s.handlersDone:
			return
		}
		m.Begin()
		now := l.clock.Now()
		for _, c := range l.consumers {
			c.checkLeases(s, now)
		}
		m.End(true)
	}
}

// leaseMargin is how long before its end a lease counts as lost, at least.
func (l *Listener) leaseMargin() time.Duration { return l.cfg.Lease / 10 }

// leaseCheckPeriod is the time between two checks of the leases.
func (l *Listener) leaseCheckPeriod() time.Duration { return l.cfg.Lease / 20 }

// checkLeases ends the contexts of jobs whose leases are about to expire, and
// renews the leases that were last renewed at least a third of a lease ago.
func (c *consumer) checkLeases(s *session, now time.Time) {
	lease := c.listener.cfg.Lease
	soon := now.Add(c.listener.leaseMargin() + c.listener.leaseCheckPeriod()) // the next check would be too late
	var stale []*job
	c.mu.Lock()
	for _, j := range c.jobs {
		switch {
		case j.leaseLost:
		case soon.After(j.leaseEnd):
			c.loseLease(j)
		case now.Sub(j.renewedAt) >= lease/3:
			stale = append(stale, j)
		}
	}
	c.mu.Unlock()
	if len(stale) == 0 {
		return
	}
	select {
	case c.renewing <- struct{}{}:
		s.recorders.Go(func() {
			c.renewLeases(s, stale)
			<-c.renewing
		})
	default:
	}
}

// loseLease ends the context of a job whose lease is lost.
func (c *consumer) loseLease(j *job) {
	j.leaseLost = true
	c.listener.count.leasesLost.Add(1)
	j.cancel(ErrLeaseLost)
}

func (c *consumer) renewLeases(s *session, jobs []*job) {
	lease := c.listener.cfg.Lease
	for len(jobs) > 0 {
		n := min(len(jobs), outcomePage)
		ctx, cancel := context.WithTimeout(s.redisCtx, lease/3)
		sent := c.listener.clock.Now()
		tokens := tokensOf(jobs[:n])
		var gone []int
		var err error
		if c.perTenant > 0 {
			err = c.renewPlaces(ctx, tokens, lease)
		}
		if err == nil {
			gone, err = c.renew(ctx, tokens, lease)
		}
		cancel()
		if err != nil {
			c.listener.callFailed(s, err)
			return
		}
		c.markRenewed(jobs[:n], gone, sent)
		jobs = jobs[n:]
	}
}

func (c *consumer) markRenewed(jobs []*job, gone []int, sent time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range jobs {
		j.renewedAt, j.leaseEnd = sent, sent.Add(c.listener.cfg.Lease)
	}
	for _, i := range gone {
		if j := jobs[i]; !j.leaseLost && !j.finished {
			c.loseLease(j)
		}
	}
}
