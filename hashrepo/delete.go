package hashrepo

import (
	"context"
	_ "embed"

	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/delete.lua
var deleteSource string

var deleteScript = newScript(deleteSource, store.Flag)

// Delete removes records and returns the number of records that existed. It
// sends one UNLINK for each id in one pipeline, which is not atomic as a whole.
// It does not check the type of a key. If an id is invalid, Delete sends
// nothing. [IfExists] has no effect without [IfVersion].
//
// With [IfVersion], or if the space has a list, Delete runs a script for each
// id, which is atomic. It returns [ErrConflict]
// for records with another version and [ErrWrongType] for keys of another type,
// and removes the others. With [IfAbsent], it returns [ErrUnsupported].
func (r *HashRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.delete(ctx, ids)
}

// DeleteAll removes every record of the space and returns the number of records
// that it removed. It sends SCAN, and UNLINK for each key of a page. It is not
// atomic: a record that is written during the call may stay. Keys of other
// Redis types stay. [IfExists] has no effect.
//
// If a command fails, DeleteAll stops and returns the number so far.
//
// With [IfAbsent] or [IfVersion], DeleteAll returns [ErrUnsupported].
func (r *HashRepo[T]) DeleteAll(ctx context.Context) (int64, error) { return r.core.DeleteAll(ctx) }

// delete removes records, with IfVersion or a list by a script for each.
func (c *core) delete(ctx context.Context, ids []string) (total int64, err error) {
	if c.Version == nil && c.listing == nil || len(ids) == 0 {
		return c.Delete(ctx, ids...)
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
	replies, err := c.runMany(ctx, deleteScript, calls)
	for _, reply := range replies {
		if n, err := reply.ToInt64(); err == nil {
			total += n
		}
	}
	return total, err
}
