package option

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/pool"
)

// Pace limits the rate of walks with SCAN and reports their progress. Several
// walks may share one. It is safe for concurrent use.
type Pace struct {
	perKey   time.Duration // 0: there is no limit
	progress func(walked, total int64)

	mu            sync.Mutex
	next          time.Time // when the next SCAN may be sent
	walked, total int64
	announced     bool // total is known before the walks begin
}

// Measures reports whether somebody wants to know the total.
func (p *Pace) Measures() bool {
	if p == nil || p.progress == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.announced
}

// Announce sets the total of all walks. A walk then does not add to it.
func (p *Pace) Announce(total int64) {
	p.Add(total)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announced = true
}

// Add adds the keys of a walk to the total.
func (p *Pace) Add(keys int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total += keys
}

// Wait waits until a SCAN over so many keys may be sent.
func (p *Pace) Wait(ctx context.Context, keys int) error {
	if p == nil || p.perKey == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(keys) * p.perKey)
	p.mu.Unlock()
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Walked reports that a SCAN has walked over so many keys.
func (p *Pace) Walked(keys int64) {
	if p == nil || p.progress == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.walked = min(p.walked+keys, p.total)
	p.progress(p.walked, p.total)
}

// ScanRate limits how many keys the walks with SCAN visit in a second.
func ScanRate(keys int) pool.Option {
	return setting{name: "ScanRate", apply: func(s *Settings) error {
		if keys < 1 {
			return fmt.Errorf("%w: ScanRate(%d); a walk visits at least one key in a second, or leave the option out", fault.ErrInvalidArgument, keys)
		}
		progress := s.Pace.function()
		s.Pace = &Pace{perKey: time.Second / time.Duration(keys), progress: progress}
		return nil
	}}.option()
}

// Progress calls a function after each SCAN of a walk.
func Progress(f func(walked, total int64)) pool.Option {
	return setting{name: "Progress", apply: func(s *Settings) error {
		if f == nil {
			return fmt.Errorf("%w: the function of Progress is nil; leave the option out", fault.ErrInvalidArgument)
		}
		var perKey time.Duration
		if s.Pace != nil {
			perKey = s.Pace.perKey
		}
		s.Pace = &Pace{perKey: perKey, progress: f}
		return nil
	}}.option()
}

// Paced makes walks share a pace, which may be nil.
func Paced(p *Pace) pool.Option {
	return setting{name: "Paced", apply: func(s *Settings) error { s.Pace = p; return nil }}.option()
}

func (p *Pace) function() func(walked, total int64) {
	if p == nil {
		return nil
	}
	return p.progress
}
