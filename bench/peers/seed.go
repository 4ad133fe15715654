package peers

import (
	"context"
	"errors"
	"sync"
)

// Seed writes the records of the contests, by hand and with the libraries that
// store them in their own format.
func (p *Peers) Seed(ctx context.Context) error {
	n := p.target.Records
	ids, mapped := identities(n), p.mapper.library()
	p.written = max(p.written, n)
	return Spread(n, func(i int) error {
		id, record := ids[i], ProfileOf(i)
		return errors.Join(
			p.other.upsert(ctx, id, record),
			p.other.kvSet(ctx, id, record),
			p.feeder.values.Set(ctx, id, record),
			mapped.upsert(ctx, id, mapped.from(id, record)))
	})
}

// Spread calls do for 0 to n-1 from several goroutines, until one call fails.
func Spread(n int, do func(i int) error) error {
	const callers = 64
	errs := make([]error, callers)
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() {
			for i := c; i < n && errs[c] == nil; i += callers {
				errs[c] = do(i)
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}
