package peers

import (
	"context"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/hashrepo"
)

// Growth is an operation at several sizes.
type Growth struct {
	Operation string
	Along     string // what grows
	Unit      string
	Sizes     []int
	At        func(ctx context.Context, p *Peers, size int) (contest.Contest, int, error) // the contest, and how many callers
}

// Growths returns the operations that are measured at several sizes.
func Growths() []Growth {
	return []Growth{
		{Get, "callers", "callers", powers(1, 2, 512), func(_ context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.Contest(Get)
			return c, n, err
		}},
		{Upsert, "callers", "callers", powers(1, 2, 512), func(_ context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.Contest(Upsert)
			return c, n, err
		}},
		{Get, "fields", "fields", []int{4, 16, 64, 256}, func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.wide(ctx, n, Get)
			return c, growthCallers, err
		}},
		{Upsert, "fields", "fields", []int{4, 16, 64, 256}, func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.wide(ctx, n, Upsert)
			return c, growthCallers, err
		}},
		{Get, "size of the record", "bytes", powers(256, 4, 1<<20), func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.heavy(ctx, n, Get)
			return c, growthCallers, err
		}},
		{Upsert, "size of the record", "bytes", powers(256, 4, 1<<20), func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
			c, err := p.heavy(ctx, n, Upsert)
			return c, growthCallers, err
		}},
		{Get, "records", "records", []int{1000, 10_000, 100_000}, amid(Get, growthCallers)},
		{Find, "records", "records", []int{1000, 10_000, 100_000}, amid(Find, 1)},
		{Find, results.ForeignKey, "keys", powers(1000, 10, 1_000_000), amongForeign(Find)},
		{All, results.ForeignKey, "keys", powers(1000, 10, 1_000_000), amongForeign(All)},
		{IDs, results.ForeignKey, "keys", powers(1000, 10, 1_000_000), amongForeign(IDs)},
		{DeleteAll, results.ForeignKey, "keys", powers(1000, 10, 1_000_000), amongForeign(DeleteAll)},
		{results.Cold, results.CacheEntry, "entries", powers(1000, 10, 1_000_000), near(results.Cold)},
		{results.Warm, results.CacheEntry, "entries", descending(powers(1000, 10, 1_000_000)), near(results.Warm)}, // the largest cache is there
		{results.CachedGet, results.List, "texts", powers(1, 10, 1000), withoutCopy},
	}
}

const growthCallers = 64

func powers(from, by, to int) (all []int) {
	for n := from; n <= to; n *= by {
		all = append(all, n)
	}
	return all
}

func descending(sizes []int) []int {
	slices.Reverse(sizes)
	return sizes
}

// amid returns a contest on the records of all sizes up to one.
func amid(name string, callers int) func(context.Context, *Peers, int) (contest.Contest, int, error) {
	return func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
		if err := p.enlarge(ctx, n); err != nil {
			return contest.Contest{}, 0, err
		}
		c, err := p.Contest(name)
		return c, callers, err
	}
}

// enlarge increases the number of shared records to n. The number of records
// that match a search stays the same.
func (p *Peers) enlarge(ctx context.Context, n int) error {
	for ; p.written > n; p.written = max(n, p.written-1000) {
		var surplus []string
		for i := max(n, p.written-1000); i < p.written; i++ {
			surplus = append(surplus, fmt.Sprintf("id%06d", i))
		}
		if _, err := p.feeder.users.Delete(ctx, surplus...); err != nil {
			return err
		}
	}
	all := make([]hashrepo.Record[Profile], 0, 1000)
	for i := p.written; i < n; i++ {
		r := hashrepo.Record[Profile]{ID: fmt.Sprintf("id%06d", i), Value: ProfileOf(i)}
		r.Value.City = "Elsewhere"
		if all = append(all, r); len(all) == cap(all) || i+1 == n {
			if err := p.feeder.users.UpsertMany(ctx, all...); err != nil {
				return err
			}
			all = all[:0]
		}
	}
	p.written = n
	return nil
}
