package inspect

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/time/rate"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// walkOptions returns the options of a walk that notes its progress in p.
func (h *handler) walkOptions(p *progress) []symphony.Option {
	opts := []symphony.Option{symphony.Progress(func(walked, total int64) {
		p.walked.Store(walked)
		p.total.Store(total)
	})}
	if h.rate > 0 {
		opts = append(opts, symphony.ScanRate(h.rate))
	}
	return opts
}

// scan iterates over the keys of a pool that match a glob, in pages, at the
// rate of the handler. It notes its progress in p.
func (h *handler) scan(ctx context.Context, p *progress, a pool.Alias, glob string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		limit := rate.Inf
		if h.rate > 0 {
			limit = rate.Limit(h.rate)
		}
		limiter := rate.NewLimiter(limit, pageSize)
		nodes, err := primaries(ctx, h.pools, a)
		if err == nil {
			var total int64
			total, err = Keys(ctx, h.pools, a)
			p.total.Store(total)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, node := range nodes {
			for cursor := uint64(0); ; {
				if err := limiter.WaitN(ctx, pageSize); err != nil {
					yield(nil, err)
					return
				}
				page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(glob).Count(pageSize).Build()).AsScanEntry()
				if err != nil {
					yield(nil, fmt.Errorf("SCAN of the pool %s: %w", a, err))
					return
				}
				p.walked.Add(pageSize)
				if len(page.Elements) > 0 && !yield(page.Elements, nil) {
					return
				}
				if cursor = page.Cursor; cursor == 0 {
					break
				}
			}
		}
	}
}
