package hashrepo

import (
	"context"
	_ "embed"
	"iter"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/recent"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/find.lua
var findSource string

// findScript removes only what is stale, so it may be sent again.
var findScript = rueidis.NewLuaScriptRetryable(acl.RegisterScript(indexSource + findSource))

// Limits of one run of a script. Tests lower them.
var (
	walkRecords = 500  // that find.lua returns
	walkMembers = 1000 // that find.lua examines, or count.lua looks at
)

// indexWalk finds records through the list or an index of their space, with
// find.lua.
type indexWalk struct {
	*core
	target fault.Target
	conds  []condition
	paths  []bool   // whether the index of conds[i] is complete and can be the path
	args   []string // of find.lua for conds
}

// newIndexWalk returns the walk that finds the records for which conds hold. It
// returns nil if the list of the space is not complete. Reindex completes the
// indexes of T together with the list.
func (c *core) newIndexWalk(ctx context.Context, t fault.Target, conds []condition) (*indexWalk, error) {
	if c.listing == nil {
		return nil, nil //nolint:nilnil // there is no walk
	}
	if complete, err := c.isComplete(ctx, nil); err != nil || !complete {
		return nil, err
	}
	w := &indexWalk{core: c, target: t, conds: conds, paths: make([]bool, len(conds))}
	for i := range conds {
		if len(conds[i].ranges) == 0 || conds[i].index == nil {
			continue
		}
		var err error
		if w.paths[i], err = c.isComplete(ctx, []string{conds[i].index.name}); err != nil {
			return nil, err
		}
	}
	w.args = w.conditionArgs()
	return w, nil
}

// wholeRecord returns what find.lua reads for readCommand.
func (c *core) wholeRecord() []string {
	if c.plan.readsAllFields() {
		return []string{"all"}
	}
	return someFields(c.plan.readNames)
}

// someFields returns what find.lua reads for some fields.
func someFields(names []string) []string {
	return append([]string{strconv.Itoa(len(names))}, names...)
}

// conditionArgs returns the arguments of find.lua for the conditions.
func (w *indexWalk) conditionArgs() []string {
	args := []string{strconv.Itoa(len(w.conds))}
	for i := range w.conds {
		c := &w.conds[i]
		name, walk, kind := "", "", ""
		if c.index != nil {
			name = c.index.name
		}
		if w.paths[i] {
			walk = "walk"
			if c.hasOneValue() {
				walk = "value"
			}
		}
		if c.byText {
			kind = "text"
			if c.absent {
				kind = "absent"
			}
		}
		args = append(args, name, namesWithLength(c.field), walk, kind)
		args = appendRanges(args, c.ranges)
		args = append(append(args, strconv.Itoa(len(c.texts))), c.texts...)
	}
	return args
}

// hasOneValue reports whether the ranges have only one sort text. A record that
// matches all the time does not move within them.
func (c *condition) hasOneValue() bool {
	return len(c.ranges) == 1 && c.ranges[0] == rangeOf(c.ranges[0].low)
}

// appendRanges appends the number of ranges, and each of them.
func appendRanges(args []string, ranges []textRange) []string {
	args = append(args, strconv.Itoa(len(ranges)))
	for _, r := range ranges {
		args = append(args, r.low, r.high)
	}
	return args
}

// walkPlace is a place in a walk of find.lua.
type walkPlace struct {
	path   string
	rangeN int64
	member string
	began  string
}

// walkStart is the place at which find.lua chooses a path.
var walkStart = walkPlace{rangeN: 1}

// Paths of find.lua.
const (
	pathPage = "page"
	pathList = "list"
	pathIDs  = "ids"
)

// moveLost is the time of a walk that cannot know which records moved.
const moveLost = "LOST"

// walkReply is a reply of find.lua.
type walkReply struct {
	next    walkPlace
	more    bool
	moved   []string // the coded ids of records that moved during the walk
	records []placedRecord
}

// run runs find.lua once. reads is what it reads of a record, and more are the
// arguments after those of the conditions.
func (w *indexWalk) run(ctx context.Context, from walkPlace, limit int, reads, more []string) (walkReply, error) {
	l := w.listing
	args := make([]string, 0, 8+len(reads)+len(w.args)+len(more))
	args = append(args, l.prefix, l.suffix, strconv.Itoa(limit), strconv.Itoa(walkMembers),
		from.path, strconv.FormatInt(from.rangeN, 10), from.member, from.began)
	args = append(append(append(args, reads...), w.args...), more...)
	m, err := findScript.Exec(w.target.In(ctx), w.OnPrimary().Client, l.writeKeys, args).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return walkReply{}, w.target.Failed(err)
	}
	if !isWalkReply(m) {
		return walkReply{}, w.target.Applied(store.ErrShape)
	}
	return w.parse(m)
}

var (
	isWalkReply  = store.Tuple(store.Text, store.Count, store.Text, store.Flag, store.Text, store.Texts, isWalkRecords) //nolint:gocritic // the same shape twice
	isWalkRecord = store.Tuple(store.Text, store.Text, store.TextsOrNils)                                               //nolint:gocritic // the same shape twice
)

func isWalkRecords(m rueidis.RedisMessage) bool {
	if !m.IsArray() {
		return false
	}
	records, err := m.ToArray()
	for i := range records {
		if !isWalkRecord(records[i]) {
			return false
		}
	}
	return err == nil
}

// parse reads a reply that has the shape.
func (w *indexWalk) parse(m rueidis.RedisMessage) (reply walkReply, err error) {
	parts, err := m.ToArray()
	if err != nil {
		return reply, w.target.Failed(err)
	}
	reply.next.path, _ = parts[0].ToString()
	reply.next.rangeN, _ = parts[1].ToInt64()
	reply.next.member, _ = parts[2].ToString()
	more, _ := parts[3].ToInt64()
	reply.more = more == 1
	reply.next.began, _ = parts[4].ToString()
	reply.moved, _ = parts[5].AsStrSlice()
	records, _ := parts[6].ToArray()
	reply.records = make([]placedRecord, len(records))
	for i := range records {
		fields, _ := records[i].ToArray()
		coded, _ := fields[0].ToString()
		found := &reply.records[i]
		found.id, found.exists, found.reply = w.listing.id(coded), true, fields[2]
		found.target = w.target.WithKey(w.listing.prefix + coded + w.listing.suffix)
		found.place, _ = fields[1].ToString()
	}
	return reply, nil
}

// find iterates over the records. reads is what it reads of them. The first run
// of the script returns at most first of them.
//
// A record that matches all the time may move within the path, from what is
// still to be walked to what was walked. Writers store which records moved
// while somebody walks, and those are read again at the end. If that is not
// known, the whole list is walked.
func (w *indexWalk) find(ctx context.Context, first int, reads []string) iter.Seq2[foundRecord, error] {
	return func(yield func(foundRecord, error) bool) {
		var seen *recent.Set // nil if no record can be found twice
		pass := func(records []placedRecord, err error) bool {
			if err != nil {
				yield(foundRecord{}, err)
				return false
			}
			for i := range records {
				if (seen == nil || seen.Add(records[i].target.Key)) && !yield(records[i].foundRecord, nil) {
					return false
				}
			}
			return true
		}
		from, limit := walkStart, first
		for {
			reply, err := w.run(ctx, from, limit, reads, nil)
			if seen == nil && reply.next.began != "" {
				seen = recent.NewSet()
			}
			if !pass(reply.records, err) {
				return
			}
			if reply.next.began == moveLost {
				from, limit = walkPlace{path: pathList, rangeN: 1}, walkRecords
				continue
			}
			if !reply.more {
				w.readMoved(ctx, reply.moved, reads, pass)
				return
			}
			from, limit = reply.next, walkRecords
		}
	}
}

// readMoved passes on the records that moved during a walk.
func (w *indexWalk) readMoved(ctx context.Context, moved, reads []string, pass func([]placedRecord, error) bool) {
	for len(moved) > 0 {
		n := min(len(moved), walkRecords)
		reply, err := w.run(ctx, walkPlace{path: pathIDs, rangeN: 1}, walkRecords, reads, moved[:n])
		if !pass(reply.records, err) {
			return
		}
		moved = moved[n:]
	}
}
