package feed

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
)

// page is a part of a feed.
type page struct {
	entries []Entry
	more    bool // the feed has more, unless the page is empty
}

// ended reports whether the page reaches the end of a feed that has ended.
func (p *page) ended() bool { return len(p.entries) > 0 && p.entries[len(p.entries)-1].end }

// Read returns up to n entries after a position. ended reports whether the feed
// has ended and the entries are the last ones.
func (c *Core) Read(ctx context.Context, op, id, after string, n int) (t fault.Target, entries []Entry, ended bool, err error) {
	t, err = c.Begin(ctx, op, id)
	if err != nil {
		return t, nil, false, err
	}
	from, err := ParsePosition(after)
	if err != nil {
		return t, nil, false, t.NotApplied(err)
	}
	if n < 1 {
		return t, nil, false, t.NotApplied(fmt.Errorf("%w: a page of %d entries; it must have at least 1", fault.ErrInvalidArgument, n))
	}
	p, err := c.readFrom(ctx, t, from, min(n, math.MaxInt32))
	if ended = p.ended(); ended {
		p.entries = p.entries[:len(p.entries)-1]
	}
	return t, p.entries, ended, err
}

// readNext is [Core.readFrom] if there is probably an entry after the position.
// It does not read the entry at the position then.
func (c *Core) readNext(ctx context.Context, t fault.Target, from Position, n int) (page, error) {
	if !from.IsZero() {
		entries, err := c.xrange(ctx, t, "("+from.id(), n)
		if err != nil || len(entries) > 0 {
			return checkPage(t, from, entries, n, err)
		}
	}
	return c.readFrom(ctx, t, from, n)
}

// readFrom reads up to n entries after a position, in one XRANGE. The range
// includes the entry at the position. If that entry was trimmed, and the next
// one was not, nothing is missing. If both are not there, an entry is missing
// or the feed is another one.
func (c *Core) readFrom(ctx context.Context, t fault.Target, from Position, n int) (page, error) {
	if from.IsZero() {
		entries, err := c.xrange(ctx, t, "-", n)
		return checkPage(t, from, entries, n, err)
	}
	entries, err := c.xrange(ctx, t, from.id(), n+1)
	if err != nil {
		return page{}, err
	}
	if len(entries) > 0 && entries[0].number == from.number {
		if entries[0].end {
			return page{entries: entries[:1]}, nil
		}
		return checkPage(t, from, entries[1:], n, nil)
	}
	if len(entries) == 0 {
		return page{}, t.NotApplied(errGone)
	}
	return checkPage(t, from, entries[:min(n, len(entries))], n, nil)
}

func (c *Core) xrange(ctx context.Context, t fault.Target, start string, n int) ([]Entry, error) {
	cmd := c.Client.B().Arbitrary("XRANGE").Keys(t.Key).Args(start, "+", "COUNT", strconv.Itoa(n)).ReadOnly()
	return readEntries(t, c.Client.Do(t.In(ctx), cmd))
}

// checkPage returns a page of entries after a position. If the first one is not
// the next one, the error is [fault.ErrGone]. If a later one is not, because
// another program deleted an entry, the page ends before it.
func checkPage(t fault.Target, from Position, entries []Entry, n int, err error) (page, error) {
	if err != nil {
		return page{}, err
	}
	p := page{entries: entries, more: len(entries) >= n}
	for i := range entries {
		if i > 0 || !from.IsZero() {
			if !entries[i].follows(from) {
				if i == 0 {
					return page{}, t.NotApplied(errGone)
				}
				return page{entries: entries[:i], more: true}, nil
			}
			entries[i].notBefore(from)
		}
		from = entries[i].Position
	}
	return p, nil
}

var errGone = fmt.Errorf("%w: entries after the cursor were trimmed, or the feed expired or was deleted; begin again with an empty cursor", fault.ErrGone)
