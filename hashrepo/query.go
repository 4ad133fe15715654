package hashrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/internal/fault"
)

// MaxPage is the greatest Limit of a [Query].
const MaxPage = 10_000

// Query asks for one page of the records for which every condition of Where
// holds.
type Query[T any] struct {
	Where []Cond[T]

	// Order is the order of the records. If it is by a field, records without
	// the field are left out. Zero is the order of the ids.
	Order Order[T]

	// Limit is the greatest number of records of the page, from 1 to
	// [MaxPage].
	Limit int

	// After is the field Next of the page before, or "" for the first page.
	After string
}

// Page is one page of the records of a [Query].
type Page[T any] struct {
	Records []Record[T]

	// Next is the field After of the next page. It is empty if this page is the
	// last one. It is text for a URL. It contains the id of the last record and
	// the value that orders it, and is not encrypted.
	Next string
}

// query is a Query that is compiled for a repository.
type query struct {
	conds      []condition
	order      *index // nil: the order of the ids
	descending bool
	limit      int
	after      string // the place of the last record of the page before
}

// compileQuery checks and encodes a Query.
func compileQuery[T any](c *core, q Query[T]) (*query, error) {
	t := fault.Target{Op: "Page", Pool: c.Alias}
	if q.Limit < 1 || q.Limit > MaxPage {
		return nil, t.NotApplied(fmt.Errorf("%w: Limit is %d; it must be from 1 to %d", fault.ErrInvalidArgument, q.Limit, MaxPage))
	}
	conds, err := c.compileConditions(t.Op, comparisonsOf(q.Where))
	if err != nil {
		return nil, err
	}
	index, err := c.compileOrder(q.Order.order)
	if err != nil {
		return nil, notApplied(t, err)
	}
	compiled := &query{conds: conds, order: index, descending: q.Order.descending, limit: q.Limit}
	if compiled.after, err = c.parseToken(compiled, q.After); err != nil {
		return nil, t.NotApplied(err)
	}
	return compiled, nil
}

// Page returns the records of one page of a query, in its order. Records with
// the same value of the field that orders them are in the order of their ids.
//
// The token of the next page is the place of the last record, so that records
// which are added or removed between two pages change nothing: no record
// appears twice, and none that was there all the time is left out, unless the
// value that orders it changed. Limit may change from page to page.
//
// Page runs a script, which is one round trip. It walks the index of the order,
// or the list for the order of the ids, and checks the conditions. If a
// condition has an index in which at most 200 entries match, it reads those
// records instead and sorts them. The script examines up to a thousand entries,
// so a page whose conditions match few of them takes several round trips. Until
// the space is indexed, or without an index and a list, Page walks it with SCAN
// and sorts in memory.
//
// If After is not a token of the same query in the same space, Page returns
// [ErrInvalidPage]. If Limit is out of range, it returns [ErrInvalidArgument].
// If the field of Order has no index, it returns [ErrUnsupported]. If the field
// is a list or has no order, it returns [ErrFieldType]. The errors of
// conditions are those of [HashRepo.Find]. All of these are returned before
// anything is sent.
//
// If records cannot be decoded, Page returns the others, and an error that
// joins the errors of [HashRepo.Get].
func (r *HashRepo[T]) Page(ctx context.Context, q Query[T]) (Page[T], error) {
	compiled, err := compileQuery(r.core, q)
	if err != nil {
		return Page[T]{}, err
	}
	found, next, err := r.core.page(ctx, compiled)
	if err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Next: next}
	var errs []error
	for i := range found {
		record, err := r.decode(ctx, &found[i].foundRecord, compiled.conds, nil)
		switch {
		case err == nil:
			page.Records = append(page.Records, record)
		case !errors.Is(err, fault.ErrNotFound):
			errs = append(errs, err)
		}
	}
	return page, fault.Join(errs...)
}
