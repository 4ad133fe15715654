package hashrepo

import (
	"context"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
)

// placedRecord is a record with its place in the order of a query: the sort
// text and the coded id, as in the index of the order, or only the coded id.
type placedRecord struct {
	foundRecord
	place string
}

// page returns the records of a page, and the token of the next one if there is
// one.
func (c *core) page(ctx context.Context, q *query) (records []placedRecord, next string, err error) {
	t, err := c.BeginAll(ctx, "Page")
	if err != nil || holdNever(q.conds) {
		return nil, "", err
	}
	w, err := c.newPageWalk(ctx, t, q)
	switch {
	case err != nil:
		return nil, "", err
	case w != nil:
		records, err = w.page(ctx, q)
	default:
		records, err = c.pageByScan(ctx, q)
	}
	if err != nil {
		return nil, "", err
	}
	if len(records) > q.limit {
		records = records[:q.limit]
		next = c.token(q, records[q.limit-1].place)
	}
	return records, next, nil
}

// newPageWalk returns the walk for a page. It returns nil if what has its order
// is not complete.
func (c *core) newPageWalk(ctx context.Context, t fault.Target, q *query) (*indexWalk, error) {
	w, err := c.newIndexWalk(ctx, t, q.conds)
	if w == nil || q.order == nil {
		return w, err
	}
	if complete, err := c.isComplete(ctx, []string{q.order.name}); err != nil || !complete {
		return nil, err
	}
	return w, nil
}

// page returns the records of a page, and one more if there is one.
func (w *indexWalk) page(ctx context.Context, q *query) (first []placedRecord, err error) {
	for after := q.after; ; {
		from := walkPlace{path: pathPage, rangeN: 1, member: after}
		reply, err := w.run(ctx, from, q.limit+1-len(first), w.wholeRecord(), q.orderArgs(after))
		if err != nil {
			return nil, err
		}
		for i := range reply.records {
			if w.stillHold(w.conds, &reply.records[i].reply) {
				first = append(first, reply.records[i])
			}
		}
		if !reply.more || len(first) > q.limit {
			return first, nil
		}
		after = reply.next.member
	}
}

// orderArgs returns the arguments of find.lua for the order of a page, whose
// records are after a place.
func (q *query) orderArgs(after string) []string {
	if q.order == nil {
		return []string{"", "", "", "0"}
	}
	ranges := []textRange{{}}
	for i := range q.conds {
		if q.conds[i].index == q.order && len(q.conds[i].ranges) > 0 {
			ranges = q.conds[i].ranges
			break
		}
	}
	var left []textRange
	for _, r := range ranges {
		switch {
		case after == "":
		case q.descending:
			if r.high == "" || r.high > after {
				r.high = after
			}
		default:
			r.low = max(r.low, after+"\x00")
		}
		if r.high == "" || r.low < r.high {
			left = append(left, r)
		}
	}
	if q.descending {
		slices.Reverse(left)
	}
	return appendRanges([]string{q.order.name, q.order.fields, flag(q.descending)}, left)
}

// pageByScan returns the records of a page, and one more if there is one. It
// walks the space with SCAN.
func (c *core) pageByScan(ctx context.Context, q *query) (first []placedRecord, err error) {
	for found, err := range c.scanMatches(ctx, "Page", q.conds) {
		if err != nil {
			return nil, err
		}
		if found.err != nil {
			return nil, found.target.Failed(found.err)
		}
		place, ok := c.placeOf(q, &found)
		if !ok || !c.stillHold(q.conds, &found.reply) || q.after != "" && q.compare(place, q.after) <= 0 {
			continue
		}
		if first = append(first, placedRecord{found, place}); len(first) > 2*q.limit+1000 {
			first = q.firstOf(first)
		}
	}
	return q.firstOf(first), nil
}

// firstOf sorts records and returns the first of them, one more than fit the
// page.
func (q *query) firstOf(records []placedRecord) []placedRecord {
	slices.SortFunc(records, func(a, b placedRecord) int { return q.compare(a.place, b.place) })
	return records[:min(len(records), q.limit+1)]
}

// compare compares two places in the order of the query.
func (q *query) compare(a, b string) int {
	if q.descending {
		a, b = b, a
	}
	return strings.Compare(a, b)
}

// placeOf returns the place of a record in the order of a query. It reports
// false if it has none.
func (c *core) placeOf(q *query, found *foundRecord) (place string, ok bool) {
	prefix, suffix := c.keyParts()
	coded := found.target.Key[len(prefix) : len(found.target.Key)-len(suffix)]
	if q.order == nil {
		return coded, true
	}
	stored, err := c.storedIn(&found.reply)
	if err != nil {
		return "", false
	}
	reply, present := stored(q.order.field)
	if !present || reply.IsNil() {
		return "", false
	}
	text, err := reply.ToString()
	if err != nil {
		return "", false
	}
	sorts, err := sortsOfText(q.order.field, q.order.encoder, text)
	if err != nil || len(sorts) == 0 {
		return "", false
	}
	return sorts[0] + "\x00" + coded, true
}

// keyParts returns what precedes and what follows the coded id in the keys of
// records, with the prefix of the pool.
func (c *core) keyParts() (prefix, suffix string) {
	prefix, suffix = c.Space().Parts()
	return c.Prefix() + prefix, suffix
}
