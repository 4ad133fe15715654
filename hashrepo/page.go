package hashrepo

import (
	"context"
	"slices"
	"strings"
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
	if holdNever(q.conds) {
		_, err := c.BeginAll(ctx, "Page")
		return nil, "", err
	}
	if records, err = c.pageByScan(ctx, q); err != nil {
		return nil, "", err
	}
	if len(records) > q.limit {
		records = records[:q.limit]
		next = c.token(q, records[q.limit-1].place)
	}
	return records, next, nil
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
		if !ok || q.after != "" && q.compare(place, q.after) <= 0 {
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
