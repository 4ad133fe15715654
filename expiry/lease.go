package expiry

import (
	"context"
	"time"
)

// heartbeat renews the leases of the listener's jobs until the shift is idle.
func (l *Listener) heartbeat(s *session) {
	ticker := time.NewTicker(l.cfg.Lease / 10)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for _, c := range l.consumers {
				c.checkLeases(s, now)
			}
		case <-s.handlersDone:
			return
		}
	}
}

// margin is how long before the end of a lease it counts as lost here.
func (l *Listener) leaseMargin() time.Duration { return l.cfg.Lease / 10 }

// beat ends the contexts of jobs whose lease is about to lapse, and renews
// those that are a third through theirs.
func (c *consumer) checkLeases(s *session, now time.Time) {
	lease := c.listener.cfg.Lease
	var stale []*job
	c.mu.Lock()
	for _, j := range c.jobs {
		switch {
		case j.leaseLost:
		case now.After(j.leaseEnd.Add(-c.listener.leaseMargin())):
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

// lose ends the context of a job whose lease is gone.
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
		sent := time.Now()
		gone, err := c.renew(ctx, tokensOf(jobs[:n]), lease)
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
