package hashrepo

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/findone.lua
var findOneSource string

var findOneScript = rueidis.NewLuaScriptRetryable(acl.RegisterScript(findOneSource))

// lookup finds the record with one value of an indexed field by findone.lua. It
// reports false if it does not answer conds, and find must. If there is no
// record, it returns ErrNotFound.
func (c *core) lookup(ctx context.Context, op string, conds []condition) (found foundRecord, answered bool, err error) {
	if len(conds) != 1 || c.listing == nil || c.plan.readsAllFields() || !conds[0].isLookup() {
		return found, false, nil
	}
	cond := &conds[0]
	t, err := c.BeginAll(ctx, op)
	if err != nil {
		return found, true, err
	}
	for _, names := range [][]string{nil, {cond.index.name}} {
		if complete, err := c.isComplete(ctx, names); err != nil || !complete {
			return found, err != nil, err
		}
	}
	l := c.listing
	args := append([]string{l.prefix, l.suffix, cond.index.name, cond.ranges[0].low, strconv.Itoa(cond.field.at + 1), cond.texts[0]}, c.plan.readNames...)
	m, err := findOneScript.Exec(t.In(ctx), c.OnPrimary().Client, l.writeKeys, args).ToMessage()
	switch {
	case err != nil && !rueidis.IsRedisNil(err):
		return found, true, t.Failed(err)
	case !isLookupReply(m):
		return found, true, t.Failed(store.ErrShape)
	case m.IsInt64():
		stale, _ := m.ToInt64()
		return found, stale == 0, t.NotApplied(fault.ErrNotFound)
	}
	parts, _ := m.ToArray()
	coded, _ := parts[0].ToString()
	if !c.stillHold(conds, &parts[1]) { // the script returns only what matches
		return found, true, t.Failed(store.ErrShape)
	}
	return foundRecord{
		id:     l.id(coded),
		target: t.WithKey(l.prefix + coded + l.suffix),
		reply:  parts[1],
		exists: true,
	}, true, nil
}

// isLookup reports whether findone.lua can find a record for which the
// condition holds.
func (c *condition) isLookup() bool {
	return c.byText && !c.absent && len(c.texts) == 1 && c.index != nil && c.hasOneValue() && len(c.field.Was) == 0
}

var isLookupReply = store.Either(store.Flag, store.Tuple(store.Text, store.TextsOrNils))
