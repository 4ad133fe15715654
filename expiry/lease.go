package expiry

import (
	"context"
	"time"
)

// heartbeat renews the leases of the listener's jobs until the shift is idle.
func (l *Listener) heartbeat(s *shift) {
	ticker := time.NewTicker(l.cfg.Lease / 10)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for _, a := range l.lanes {
				a.beat(s, now)
			}
		case <-s.idle:
			return
		}
	}
}

// margin is how long before the end of a lease it counts as lost here.
func (l *Listener) margin() time.Duration { return l.cfg.Lease / 10 }

// beat ends the contexts of jobs whose lease is about to lapse, and renews
// those that are a third through theirs.
func (a *lane) beat(s *shift, now time.Time) {
	lease := a.l.cfg.Lease
	var stale []*job
	a.mu.Lock()
	for _, j := range a.jobs {
		switch {
		case j.lost:
		case now.After(j.until.Add(-a.l.margin())):
			a.lose(j)
		case now.Sub(j.renewed) >= lease/3:
			stale = append(stale, j)
		}
	}
	a.mu.Unlock()
	if len(stale) == 0 {
		return
	}
	select {
	case a.renewing <- struct{}{}:
		s.records.Go(func() {
			a.renew(s, stale)
			<-a.renewing
		})
	default:
	}
}

// lose ends the context of a job whose lease is gone.
func (a *lane) lose(j *job) {
	j.lost = true
	a.l.count.lost.Add(1)
	j.end(ErrLeaseLost)
}

func (a *lane) renew(s *shift, jobs []*job) {
	lease := a.l.cfg.Lease
	for len(jobs) > 0 {
		n := min(len(jobs), recordBatch)
		ctx, cancel := context.WithTimeout(s.io, lease/3)
		sent := time.Now()
		gone, err := a.extend(ctx, tokensOf(jobs[:n]), lease)
		cancel()
		if err != nil {
			a.l.trouble(s, err)
			return
		}
		a.renewed(jobs[:n], gone, sent)
		jobs = jobs[n:]
	}
}

func (a *lane) renewed(jobs []*job, gone []int, sent time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, j := range jobs {
		j.renewed, j.until = sent, sent.Add(a.l.cfg.Lease)
	}
	for _, i := range gone {
		if j := jobs[i]; !j.lost && !j.returned {
			a.lose(j)
		}
	}
}
