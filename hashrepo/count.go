package hashrepo

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/sorttext"
	"github.com/symphony-go/symphony/internal/store"
)

// Count returns the number of records for which every condition holds, or of
// all records if there are no conditions.
//
// Without conditions, Count returns the length of the list. If an index answers
// the only condition, it returns the number of entries of the index: for
// Between, AtLeast, AtMost, Prefix and Contains, and for Eq and In if the field
// is no float, time or list. Both are one run of a script, after it has removed
// the records that expired. Each thousand of those is one more round trip. This
// count includes records that another program deleted, or whose field it
// changed, until a read or [HashRepo.Sweep] finds the stale entries.
//
// Otherwise, or if the space is not indexed yet, Count walks the records as
// [HashRepo.Find] does, and reads only the fields of the conditions. This count
// is not of one moment.
//
// If a record cannot be read, Count returns the error. Other errors are those
// of Find.
func (r *HashRepo[T]) Count(ctx context.Context, conds ...Cond[T]) (int64, error) {
	return r.core.count(ctx, comparisonsOf(conds))
}

//go:embed lua/count.lua
var countSource string

// countScript removes only what is stale, so it may be sent again.
var countScript = rueidis.NewLuaScriptRetryable(acl.RegisterScript(indexSource + countSource))

var isCountReply = store.Tuple(store.Count, store.Flag)

func (c *core) count(ctx context.Context, comparisons []comparison) (int64, error) {
	conds, err := c.compileConditions("Count", comparisons)
	if err != nil {
		return 0, err
	}
	t, err := c.BeginAll(ctx, "Count")
	if err != nil || holdNever(conds) {
		return 0, err
	}
	w, err := c.newIndexWalk(ctx, t, conds)
	switch {
	case err != nil:
		return 0, err
	case w == nil:
		return c.countByScan(ctx, conds)
	case len(conds) == 0:
		return c.countMembers(ctx, t, "", nil)
	case len(conds) == 1 && w.paths[0] && conds[0].isCounted():
		return c.countMembers(ctx, t, conds[0].index.name, conds[0].ranges)
	}
	return w.count(ctx)
}

// isCounted reports whether every record in the ranges of the condition matches
// it, if only repositories wrote the records. Otherwise values with equal sort
// texts may have different stored texts: 0 and -0, and times in different
// zones.
func (c *condition) isCounted() bool {
	if !c.byText {
		return true
	}
	switch c.index.encoder.Kind() {
	case sorttext.Float, sorttext.Time:
		return false
	}
	return !c.index.encoder.IsList()
}

// countMembers counts the members in ranges of an index, or of the list if name
// is empty.
func (c *core) countMembers(ctx context.Context, t fault.Target, name string, ranges []textRange) (n int64, err error) {
	l := c.listing
	args := []string{l.prefix, l.suffix, strconv.Itoa(walkMembers), name}
	for _, r := range ranges {
		args = append(args, r.low, r.high)
	}
	client := c.OnPrimary().Client
	for looked := int64(0); ; looked += int64(walkMembers) {
		m, err := countScript.Exec(t.In(ctx), client, l.writeKeys, args).ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return 0, t.Failed(err)
		}
		if err := isCountReply.Check(t, m); err != nil {
			return 0, err
		}
		reply, _ := m.ToArray()
		n, _ = reply[0].ToInt64()
		more, _ := reply[1].ToInt64()
		// A record that is on another node of a cluster stays due.
		if more == 0 || looked > n {
			return n, nil
		}
	}
}

// count counts the records of a walk. It reads only the fields of the
// conditions.
func (w *indexWalk) count(ctx context.Context) (n int64, err error) {
	for found, err := range w.find(ctx, walkMembers, someFields(probedNames(w.conds))) {
		if err != nil {
			return 0, err
		}
		holds, err := probedHold(w.conds, &found.reply)
		if err != nil {
			return 0, found.target.Failed(err)
		}
		if holds {
			n++
		}
	}
	return n, nil
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
