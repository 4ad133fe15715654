package hashrepo

import (
	"context"
	_ "embed"
	"iter"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// Sweep removes from the list and the indexes what no longer stands for a
// record, because the record has expired, or because another program changed or
// deleted it. It also looks at the ids of the other spaces of the tenant that
// are due. It returns the number of ids and entries that it removed.
//
// Nobody needs to call Sweep: queries pass over such entries, and every write
// to a space of the tenant removes a few. It is for spaces of tenants to which
// nothing is written any more.
//
// Sweep walks the list and runs a script for each 500 ids. Each script is
// atomic, and the whole is not. Sweep removes no record and changes no
// lifetime.
//
// If a script fails, Sweep stops and returns the number so far. If the space
// has neither a list nor an index, or with [IfAbsent] or [IfVersion], it
// returns [ErrUnsupported]. [IfExists] has no effect.
func (r *HashRepo[T]) Sweep(ctx context.Context) (int64, error) {
	c, t, err := r.core.forMaintenance(ctx, "Sweep")
	if err != nil {
		return 0, err
	}
	var total int64
	var steps fault.Steps
	for _, w := range []walk{c.sweepList(), sweepGroup} {
		for removed, err := range c.runWalk(ctx, t, w) {
			if err != nil {
				return total, steps.Error(t, err)
			}
			total += removed
			steps.Applied()
		}
	}
	return total, nil
}

// walk goes over a key of the list and the indexes in pages. For each page it
// runs a script, which returns where the next page begins, "" if there is none,
// and how many ids or entries it removed.
type walk struct {
	script *store.Script
	args   func(from string) []string
}

// sweepPage is the number of ids at which one script looks.
const sweepPage = "500"

var (
	//go:embed lua/sweep.lua
	sweepSource string
	//go:embed lua/sweep_orphans.lua
	sweepOrphansSource string
	//go:embed lua/sweep_group.lua
	sweepGroupSource string

	isWalked           = store.Tuple(store.Text, store.Text) //nolint:gocritic // the same shape twice
	sweepScript        = newListScript(sweepSource, isWalked)
	sweepOrphansScript = newListScript(sweepOrphansSource, isWalked)
	sweepGroup         = walk{newListScript(sweepGroupSource, isWalked), func(string) []string { return []string{sweepPage} }}
)

// newListScript makes a script whose first key is the list of a space.
func newListScript(body string, reply store.Shape) *store.Script {
	return store.NewTypeCheckingScript(indexSource+body, reply)
}

// sweepList returns the walk over the list that removes the ids of records that
// are gone, and stale items.
func (c *core) sweepList() walk {
	return walk{sweepScript, func(from string) []string {
		args := []string{c.listing.prefix, c.listing.suffix, from, sweepPage}
		for _, x := range c.plan.indexes {
			args = append(args, x.name, x.fields)
		}
		return args
	}}
}

// sweepOrphans returns the walk that heals what a key deleted by hand leaves.
// The subject is the name of an index, "entries" or "checks".
func (c *core) sweepOrphans(subject string) walk {
	return walk{sweepOrphansScript, func(from string) []string {
		return []string{c.listing.prefix, c.listing.suffix, from, sweepPage, subject}
	}}
}

// runWalk iterates over the number of ids or entries that each page of a walk
// removed. It ends after the first error.
func (c *core) runWalk(ctx context.Context, t fault.Target, w walk) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for from := ""; ; {
			texts, err := c.runOnList(ctx, t, w.script, w.args(from))
			if err != nil {
				yield(0, err)
				return
			}
			removed, err := strconv.ParseInt(texts[1], 10, 64)
			if err != nil {
				yield(0, t.Applied(store.ErrShape))
				return
			}
			if from = texts[0]; !yield(removed, nil) || from == "" {
				return
			}
		}
	}
}

// runOnList runs a script of newListScript and returns its reply.
func (c *core) runOnList(ctx context.Context, t fault.Target, script *store.Script, args []string) ([]string, error) {
	if err := fault.ContextError(ctx); err != nil {
		return nil, t.NotApplied(err)
	}
	keys := c.listing.writeKeys
	m, err := c.Run(ctx, t.WithKey(keys[0]), script, args, keys[1:]...)
	if err != nil {
		return nil, err
	}
	return m.AsStrSlice()
}
