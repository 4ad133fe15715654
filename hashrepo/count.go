package hashrepo

import "context"

// Count returns the number of records for which every condition holds, or of
// all records if there are no conditions. It walks the space as
// [HashRepo.Find] does, and reads only the fields of the conditions.
//
// If a record cannot be read, Count returns the error. Other errors are those
// of Find.
func (r *HashRepo[T]) Count(ctx context.Context, conds ...Cond[T]) (int64, error) {
	return r.core.count(ctx, comparisonsOf(conds))
}

func (c *core) count(ctx context.Context, comparisons []comparison) (int64, error) {
	conds, err := c.compileConditions("Count", comparisons)
	if err != nil {
		return 0, err
	}
	if holdNever(conds) {
		_, err := c.BeginAll(ctx, "Count")
		return 0, err
	}
	return c.countByScan(ctx, conds)
}

// countByScan counts with SCAN.
func (c *core) countByScan(ctx context.Context, conds []condition) (n int64, err error) {
	if len(conds) == 0 {
		for _, err := range c.IDs(ctx, "Count") {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}
	for page, err := range c.ScanSpaceUntyped(ctx, "Count", c.probeCommand(conds)) {
		if err != nil {
			return 0, err
		}
		for i, reply := range page.Replies {
			holds, err := probeHolds(conds, reply)
			if err != nil {
				return 0, page.Targets[i].Failed(err)
			}
			if holds {
				n++
			}
		}
	}
	return n, nil
}
