package inspect

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// pace limits the rate of walks with SCAN, and notes their progress. It is in
// the context of a job, so that the functions that walk need no parameter for
// it. A nil pace does nothing.
type pace struct {
	keys    int // a second; at most 0: no limit
	limiter *rate.Limiter
	*progress
}

type paceKey struct{}

func paceOf(ctx context.Context) *pace {
	p, _ := ctx.Value(paceKey{}).(*pace)
	return p
}

// paced returns a context in which walks keep the rate of the handler and note
// their progress.
func (h *handler) paced(ctx context.Context, p *progress) context.Context {
	limit := rate.Inf
	if h.rate > 0 {
		limit = rate.Limit(h.rate)
	}
	return context.WithValue(ctx, paceKey{}, &pace{h.rate, rate.NewLimiter(limit, pageSize), p})
}

// begin notes how many keys a walk over a pool visits.
func (p *pace) begin(ctx context.Context, pools *pool.Pools, a pool.Alias) error {
	if p == nil {
		return nil
	}
	total, err := Keys(ctx, pools, a)
	p.walked.Store(0)
	p.total.Store(total)
	return err
}

// wait waits until the next SCAN may be sent.
func (p *pace) wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.limiter.WaitN(ctx, pageSize)
}

func (p *pace) add(keys int64) {
	if p != nil {
		p.walked.Add(keys)
	}
}

// options returns the options of a walk of the library that keeps the pace.
func (p *pace) options() []symphony.Option {
	if p == nil {
		return nil
	}
	opts := []symphony.Option{symphony.Progress(func(walked, total int64) {
		p.walked.Store(walked)
		p.total.Store(total)
	})}
	if p.keys > 0 {
		opts = append(opts, symphony.ScanRate(p.keys))
	}
	return opts
}
