package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
)

// listed is a record whose copy has to copy a list.
type listed struct {
	Tags []string `redis:"tags"`
}

// withoutCopy returns the contest of cached reads with and without a copy, of a
// record with a list of n texts.
func withoutCopy(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
	table, err := symphony.NewTable[listed](p.feeder.pools, Mark, "listed", symphony.On(Alias), symphony.Cached(time.Hour))
	if err != nil {
		return contest.Contest{}, 0, err
	}
	record := listed{Tags: make([]string, n)}
	for i := range record.Tags {
		record.Tags[i] = fmt.Sprintf("tag %d", i)
	}
	if err := table.Upsert(ctx, "a", record); err != nil {
		return contest.Contest{}, 0, err
	}
	c := contest.Contest{Name: results.CachedGet, Baseline: results.Ours}
	add := func(who, how string, length func(context.Context) (int, error)) {
		check := func(ctx context.Context) error {
			found, err := length(ctx)
			if err == nil && found != n {
				err = fmt.Errorf("the list has %d texts, expected %d", found, n)
			}
			return err
		}
		c.Contestants = append(c.Contestants, contest.Contestant{
			Name: who, How: how, Check: check,
			Turn: contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error { return check(ctx) }),
		})
	}
	add(results.Ours, "Table.Get with Cached", func(ctx context.Context) (int, error) {
		v, err := table.Get(ctx, "a")
		return len(v.Tags), err
	})
	add(results.Peek, "Table.PeekShared with Cached", func(ctx context.Context) (int, error) {
		v, err := table.PeekShared(ctx, "a")
		if err != nil {
			return 0, err
		}
		return len(v.Tags), nil
	})
	return c, 1, nil
}
