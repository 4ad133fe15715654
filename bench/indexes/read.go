package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/hashrepo"
)

// read measures reads by an index, against reads by id of as many records.
type read struct {
	meter

	records int
}

func (r *read) Flags(f *flag.FlagSet) {
	r.flags(f)
	f.IntVar(&r.records, "n", 1_000_000, "records among which the reads find theirs")
}

// pageSize is the number of records of a page, and pages how many of them are
// read before, for their tokens.
const (
	pageSize = 20
	pages    = 100
)

var (
	email   = hashrepo.FieldOf(func(r *record) *string { return &r.Email })
	created = hashrepo.FieldOf(func(r *record) *time.Time { return &r.Created })
)

func (r *read) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	if least := pageSize * (pages + 1); r.records < least {
		return fmt.Errorf("-n: %d records are too few; use at least %d", r.records, least)
	}
	return errors.Join(r.measure(ctx, g, out), g.Clear(ctx))
}

func (r *read) measure(ctx context.Context, g *ground.Ground, out io.Writer) error {
	tokens, err := r.prepare(ctx, g)
	if err != nil {
		return err
	}
	contests := func(b *bed) []contest.Contest { return r.contests(b, tokens) }
	return r.run(ctx, g, out, contests, func(context.Context) error { return nil })
}

// compact is recordOf without the long text, so that a million of them fit into
// the memory of a small server.
func compact(i int) record {
	v := recordOf(i)
	v.Bio = v.Bio[:50]
	return v
}

// prepare writes the records with their indexes, and returns the tokens of
// pages.
func (r *read) prepare(ctx context.Context, g *ground.Ground) (tokens []string, err error) {
	b, err := openBed(ctx, g.URL, nil)
	if err != nil {
		return nil, err
	}
	defer b.pools.Close()
	for _, err := range b.indexed.Reindex(ctx) { // marks the empty space as complete
		if err != nil {
			return nil, err
		}
	}
	if err := fill(ctx, b.indexed, r.records, compact); err != nil {
		return nil, err
	}
	after := ""
	for range pages {
		page, err := b.indexed.Page(ctx, inOrder(after))
		if err != nil {
			return nil, err
		}
		after = page.Next
		tokens = append(tokens, after)
	}
	return tokens, nil
}

// inOrder returns the query of a page in the order of the times.
func inOrder(after string) hashrepo.Query[record] {
	return hashrepo.Query[record]{Order: created.Asc(), Limit: pageSize, After: after}
}

// from returns the query of the page that begins with a record.
func from(i int) hashrepo.Query[record] {
	return hashrepo.Query[record]{Where: []hashrepo.Cond[record]{created.AtLeast(timeOf(i))}, Order: created.Asc(), Limit: pageSize}
}

func timeOf(i int) time.Time { return recordOf(i).Created }

// reading reads records at a place: n of them from there on.
type reading struct {
	name      string
	n         int
	call      func(ctx context.Context, place int) ([]hashrepo.Record[record], error)
	at        func(place int) int // the place of the first record instead; may be nil
	unordered bool
}

func (r *read) contests(b *bed, tokens []string) []contest.Contest {
	repo := b.indexed
	get := r.contestant(reading{name: "Get", n: 1, call: func(ctx context.Context, i int) ([]hashrepo.Record[record], error) {
		v, err := repo.Get(ctx, idOf(i))
		return []hashrepo.Record[record]{{ID: idOf(i), Value: v}}, err
	}})
	findOne := r.contestant(reading{name: "FindOne by a unique text", n: 1, call: func(ctx context.Context, i int) ([]hashrepo.Record[record], error) {
		v, err := repo.FindOne(ctx, email.Eq(recordOf(i).Email))
		return []hashrepo.Record[record]{v}, err
	}})
	getMany := r.contestant(reading{name: "GetMany", n: pageSize, call: func(ctx context.Context, i int) ([]hashrepo.Record[record], error) {
		ids := make([]string, pageSize)
		for n := range ids {
			ids[n] = idOf(i + n)
		}
		return repo.GetMany(ctx, ids...)
	}})
	pageFrom := r.contestant(reading{name: "Page from a time on", n: pageSize, call: func(ctx context.Context, i int) ([]hashrepo.Record[record], error) {
		page, err := repo.Page(ctx, from(i))
		return page.Records, err
	}})
	pageAfter := r.contestant(reading{
		name: "Page by a token", n: pageSize, call: func(ctx context.Context, i int) ([]hashrepo.Record[record], error) {
			page, err := repo.Page(ctx, inOrder(tokens[i/pageSize%pages]))
			return page.Records, err
		}, at: func(i int) int { return (i/pageSize%pages + 1) * pageSize },
	})
	find := r.contestant(reading{
		name: "Find between two times", n: pageSize, call: func(ctx context.Context, i int) (all []hashrepo.Record[record], err error) {
			for v, err := range repo.Find(ctx, created.Between(timeOf(i), timeOf(i+pageSize))) {
				if err != nil {
					return nil, err
				}
				all = append(all, v)
			}
			return all, nil
		}, unordered: true,
	})
	half := r.records / 2
	return []contest.Contest{
		{Name: "One record", Contestants: []contest.Contestant{get, findOne}},
		{Name: "20 records", Contestants: []contest.Contestant{getMany, pageFrom, pageAfter, find}},
		{Name: "Count", Contestants: []contest.Contestant{
			get,
			r.counting("Count of all records", r.records, func(ctx context.Context, _ int) (int64, error) { return repo.Count(ctx) }),
			r.counting("Count between two times", half, func(ctx context.Context, i int) (int64, error) {
				return repo.Count(ctx, created.Between(timeOf(i%half), timeOf(i%half+half)))
			}),
		}},
	}
}

// place returns the number of the first record of a call.
func (r *read) place(p contest.Place) int { return p.Of(r.records/pageSize) * pageSize }

func (r *read) contestant(by reading) contest.Contestant {
	return contest.Contestant{
		Name: by.name, How: by.name,
		Turn: contest.Calls(contest.ContextsOf["deadline"], func(ctx context.Context, p contest.Place) error {
			all, err := by.call(ctx, r.place(p))
			if err == nil && len(all) != by.n {
				err = fmt.Errorf("got %d records, expected %d", len(all), by.n)
			}
			return err
		}),
		Check: func(ctx context.Context) error {
			for _, place := range []int{0, 7 * pageSize, (r.records/pageSize - 1) * pageSize} {
				all, err := by.call(ctx, place)
				if err != nil {
					return err
				}
				if err := by.check(all, place); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// check compares the records that were read at a place with the expected ones.
func (by *reading) check(all []hashrepo.Record[record], place int) error {
	if by.at != nil {
		place = by.at(place)
	}
	if by.unordered {
		slices.SortFunc(all, func(a, b hashrepo.Record[record]) int { return strings.Compare(a.ID, b.ID) })
	}
	if len(all) != by.n {
		return fmt.Errorf("got %d records, expected %d", len(all), by.n)
	}
	for i, got := range all {
		if want := (hashrepo.Record[record]{ID: idOf(place + i), Value: compact(place + i)}); got != want {
			return fmt.Errorf("unexpected record:\n got %+v\nwant %+v", got, want)
		}
	}
	return nil
}

// counting is the contestant that counts records, of which there must be n.
func (r *read) counting(name string, n int, count func(ctx context.Context, place int) (int64, error)) contest.Contestant {
	call := func(ctx context.Context, place int) error {
		got, err := count(ctx, place)
		if err == nil && got != int64(n) {
			err = fmt.Errorf("counted %d records, expected %d", got, n)
		}
		return err
	}
	return contest.Contestant{
		Name: name, How: name,
		Turn: contest.Calls(contest.ContextsOf["deadline"], func(ctx context.Context, p contest.Place) error {
			return call(ctx, r.place(p))
		}),
		Check: func(ctx context.Context) error { return call(ctx, 7*pageSize) },
	}
}
