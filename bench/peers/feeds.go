package peers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
)

const (
	streamKey  = Mark + ":stream"
	wakeUp     = Mark + ":wake"
	oursFeed   = Mark + ":feed:answers:a1"
	feedPage   = 100   // entries that one Read returns
	feedLength = 10000 // entries that a feed keeps
)

// appending adds one entry to a feed, trims it, renews its lifetime and wakes
// those who wait.
func (p *Peers) appending() contest.Contest {
	add := func(name, how, key string, one func(context.Context) error) contest.Contestant {
		return contest.Contestant{
			Name: name, How: how,
			Turn: contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error { return one(ctx) }),
			Check: func(ctx context.Context) error {
				if err := one(ctx); err != nil {
					return err
				}
				return p.endsWith(ctx, key, item)
			},
		}
	}
	return contest.Contest{Name: Append, Baseline: "rueidis", Contestants: []contest.Contestant{
		add(results.Ours, "Feed.Append of one value", oursFeed, func(ctx context.Context) error {
			_, err := p.ours.feeds.Append(ctx, "a1", item)
			return err
		}),
		add("rueidis", "DoMulti of MULTI, XADD MAXLEN =, PEXPIRE, PUBLISH, EXEC", streamKey, func(ctx context.Context) error {
			c := p.hand.c
			return executed(c.DoMulti(ctx, c.B().Multi().Build(),
				c.B().Arbitrary("XADD").Keys(streamKey).Args("MAXLEN", "=", strconv.Itoa(feedLength), "*", "v", item).Build(),
				c.B().Pexpire().Key(streamKey).Milliseconds(lifetime.Milliseconds()).Build(),
				c.B().Publish().Channel(wakeUp).Message("1").Build(), c.B().Exec().Build()))
		}),
	}}
}

// endsWith returns an error if the last entry of a stream is not as it was
// added.
func (p *Peers) endsWith(ctx context.Context, key, want string) error {
	c := p.other.c
	entries, err := c.Do(ctx, c.B().Xrevrange().Key(key).End("+").Start("-").Count(1).Build()).AsXRange()
	if err == nil && (len(entries) != 1 || !slices.Equal(slices.Collect(maps.Values(entries[0].FieldValues)), []string{want})) {
		err = fmt.Errorf("the stream ends with %v", entries)
	}
	return err
}

// reading reads a page of a feed after a cursor.
func (p *Peers) reading() contest.Contest {
	page := func(name, how string, one func(context.Context) (n int, last string, err error)) contest.Contestant {
		return contest.Contestant{
			Name: name, How: how,
			Prepare: func(ctx context.Context, _ int) error { return p.fillFeeds(ctx) },
			Turn: contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error {
				_, _, err := one(ctx)
				return err
			}),
			Check: func(ctx context.Context) error {
				if err := p.fillFeeds(ctx); err != nil {
					return err
				}
				n, last, err := one(ctx)
				if err == nil && (n != feedPage || last != item) {
					err = fmt.Errorf("%d entries were read, the last one is %q", n, last)
				}
				return err
			},
		}
	}
	return contest.Contest{Name: Read, Baseline: "rueidis", Contestants: []contest.Contestant{
		page(results.Ours, "Feed.Read of 100 entries after a cursor", func(ctx context.Context) (int, string, error) {
			entries, err := p.ours.feeds.Read(ctx, "a1", p.feedCursor, feedPage)
			if err != nil || len(entries) == 0 {
				return 0, "", err
			}
			return len(entries), entries[len(entries)-1].Value, nil
		}),
		page("rueidis", "XRANGE of 100 entries after an id, with the values in a slice", func(ctx context.Context) (int, string, error) {
			c := p.hand.c
			m, err := c.Do(ctx, c.B().Xrange().Key(streamKey).Start("("+p.streamID).End("+").Count(feedPage).Build()).ToArray()
			if err != nil {
				return 0, "", err
			}
			values := make([]streamEntry, len(m))
			for i := range m {
				if err := values[i].parse(m[i]); err != nil {
					return 0, "", err
				}
			}
			return len(values), values[len(values)-1].value, nil
		}),
	}}
}

// streamEntry is an entry as a handwritten reader keeps it.
type streamEntry struct{ id, value string }

func (e *streamEntry) parse(m rueidis.RedisMessage) error {
	parts, err := m.ToArray()
	if err != nil {
		return err
	}
	if e.id, err = parts[0].ToString(); err != nil {
		return err
	}
	fields, err := parts[1].ToArray()
	if err != nil {
		return err
	}
	e.value, err = fields[1].ToString()
	return err
}

// fillFeeds makes feeds of enough entries, once.
func (p *Peers) fillFeeds(ctx context.Context) error {
	if p.feedCursor != "" {
		return nil
	}
	for i := range 2 * feedPage {
		cursor, err := p.feeder.feeds.Append(ctx, "a1", item)
		if err != nil {
			return err
		}
		c := p.other.c
		id, err := c.Do(ctx, c.B().Xadd().Key(streamKey).Id("*").FieldValue().FieldValue("v", item).Build()).ToString()
		if err != nil {
			return err
		}
		if i == feedPage/2 {
			p.feedCursor, p.streamID = cursor, id
		}
	}
	return nil
}
