package hashrepo

import (
	"context"
	_ "embed"
	"iter"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/delete.lua
var deleteSource string

//go:embed lua/delete_page.lua
var deletePageSource string

var deletePageScript = newListScript(deletePageSource, store.Texts)

var deleteScript = newScript(deleteSource, store.Flag)

// Delete removes records and returns the number of records that existed. It
// sends one UNLINK for each id in one pipeline, which is not atomic as a whole.
// It does not check the type of a key. If an id is invalid, Delete sends
// nothing. [IfExists] has no effect without [IfVersion].
//
// With [IfVersion], or if the space has a list, Delete runs a script for each
// id, which is atomic. It returns [ErrConflict] for records with another
// version and [ErrWrongType] for keys of another type, and removes the others.
// With [IfAbsent], it returns [ErrUnsupported].
func (r *HashRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.delete(ctx, ids)
}

// DeleteAll removes every record of the space and returns the number of records
// that it removed. It sends SCAN, and UNLINK for each key of a page. It is not
// atomic: a record that is written during the call may stay. Keys of other
// Redis types stay. [IfExists] has no effect.
//
// If the space has a list, DeleteAll runs a script for each 200 records of the
// list, which also removes them from the indexes. Each script is atomic.
// Records that another program wrote after the last [HashRepo.Reindex] are not
// in the list, and stay. Until the space was reindexed once, DeleteAll sends
// SCAN, and runs a script for each key.
//
// If a command fails, DeleteAll stops and returns the number so far.
//
// With [IfAbsent] or [IfVersion], DeleteAll returns [ErrUnsupported].
func (r *HashRepo[T]) DeleteAll(ctx context.Context) (int64, error) {
	if r.core.listing == nil {
		return r.core.DeleteAll(ctx)
	}
	return r.core.deleteAllListed(ctx)
}

// delete removes records, with IfVersion or a list by a script for each.
func (c *core) delete(ctx context.Context, ids []string) (total int64, err error) {
	if c.Version == nil && c.listing == nil || len(ids) == 0 {
		return c.Delete(ctx, ids...)
	}
	if c.Version == nil && c.IfExists {
		plain := c.OnPrimary()
		plain.IfExists = false
		c = &core{Store: plain, plan: c.plan, listing: c.listing, writes: c.writes}
	}
	calls := make([]store.Call, len(ids))
	for i, id := range ids {
		t, err := c.BeginWrite(ctx, "Delete", id)
		if err == nil {
			err = c.RefuseAbsent(t)
		}
		if err != nil {
			return 0, err
		}
		calls[i] = store.Call{Target: t, Args: c.appendIndexArgs(c.args(0), c.bodiesWithout(nil))}
	}
	return c.deleteEach(ctx, calls)
}

// deleteAllListed is DeleteAll for a space with a list.
func (c *core) deleteAllListed(ctx context.Context) (total int64, err error) {
	c, t, err := c.forMaintenance(ctx, "DeleteAll")
	if err != nil {
		return 0, err
	}
	complete, err := c.isComplete(ctx, nil)
	if err != nil {
		return 0, fault.WithOp("DeleteAll", err)
	}
	pages := c.deleteScanned(ctx)
	if complete {
		pages = c.deletePages(ctx, t)
	}
	var steps fault.Steps
	for n, err := range pages {
		if total += n; total > 0 {
			steps.Applied()
		}
		if err != nil {
			return total, steps.Error(t, err)
		}
	}
	return total, nil
}

// deletePages deletes the records of the list, and iterates over the numbers of
// records of the pages.
func (c *core) deletePages(ctx context.Context, t fault.Target) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for from := ""; ; {
			texts, err := c.runOnList(ctx, t, deletePageScript, []string{c.listing.prefix, c.listing.suffix, from, deletePage})
			if err == nil && len(texts) == 0 {
				err = t.Applied(store.ErrShape)
			}
			if err != nil {
				yield(0, err)
				return
			}
			deleted := texts[1:]
			for _, coded := range deleted {
				c.Forget(c.listing.prefix + coded + c.listing.suffix)
			}
			if from = texts[0]; !yield(int64(len(deleted)), nil) || from == "" {
				return
			}
		}
	}
}

// deletePage is the number of records that one script of deletePages deletes.
const deletePage = "200"

// deleteScanned deletes the records that SCAN finds, and iterates over the
// numbers of records of the pages.
func (c *core) deleteScanned(ctx context.Context) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for page, err := range c.ScanSpace(ctx, "DeleteAll", nil) {
			if err != nil {
				yield(0, err)
				return
			}
			calls := make([]store.Call, len(page.Targets))
			for i, t := range page.Targets {
				t.Write = true
				args := []string{"", "", flag(c.FieldLifetimes())}
				calls[i] = store.Call{Target: t, Args: c.appendIndexArgs(args, c.bodiesWithout(nil))}
			}
			if n, err := c.deleteEach(ctx, calls); !yield(n, err) || err != nil {
				return
			}
		}
	}
}

// deleteEach runs delete.lua for each call and returns the number of records
// that existed.
func (c *core) deleteEach(ctx context.Context, calls []store.Call) (total int64, err error) {
	script, keys := c.script(deleteScript)
	replies, err := c.runMany(ctx, calls, script, keys...)
	for _, reply := range replies {
		if n, err := reply.ToInt64(); err == nil {
			total += n
		}
	}
	return total, err
}
