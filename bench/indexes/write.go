package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
)

// write measures Upsert of a record with two indexed fields, and of a record in
// a list, against Upsert of the same record with neither.
type write struct {
	meter

	records int
	serial  atomic.Int64 // of the last new value
}

func (w *write) Flags(f *flag.FlagSet) {
	w.flags(f)
	f.IntVar(&w.records, "n", 10_000, "records that exist before")
}

func (w *write) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	if w.records < 64 {
		return fmt.Errorf("-n: %d records are too few; use at least 64", w.records)
	}
	return errors.Join(w.run(ctx, g, out, w.contests, func(ctx context.Context) error { return w.prepare(ctx, g) }), g.Clear(ctx))
}

// prepare writes the records of all repositories anew.
func (w *write) prepare(ctx context.Context, g *ground.Ground) error {
	if err := g.Clear(ctx); err != nil {
		return err
	}
	b, err := openBed(ctx, g.URL, nil)
	if err != nil {
		return err
	}
	defer b.pools.Close()
	return errors.Join(fill(ctx, b.plain, w.records, peers.ProfileOf), fill(ctx, b.listed, w.records, peers.ProfileOf),
		fill(ctx, b.indexed, w.records, recordOf))
}

// upserts is a way to choose what a call writes: its id and its values.
type upserts struct {
	name   string
	choose func(w *write, p contest.Place) (id string, value peers.Profile)
}

var waysToUpsert = []upserts{
	{"Upsert, same values", func(w *write, p contest.Place) (string, peers.Profile) {
		i := p.Of(w.records)
		return idOf(i), peers.ProfileOf(i)
	}},
	{"Upsert, new values of the indexed fields", func(w *write, p contest.Place) (string, peers.Profile) {
		return idOf(p.Of(w.records)), w.fresh()
	}},
	{"Upsert, new record", func(w *write, _ contest.Place) (string, peers.Profile) {
		value := w.fresh()
		return value.Email, value
	}},
}

// fresh returns a value whose email and time no record has.
func (w *write) fresh() peers.Profile {
	n := w.serial.Add(1)
	value := peers.ProfileOf(int(n) % w.records)
	value.Email = fmt.Sprintf("bob%09d@example.com", n)
	value.Created = value.Created.Add(time.Duration(n))
	return value
}

func (w *write) contests(b *bed) (all []contest.Contest) {
	for _, way := range waysToUpsert {
		all = append(all, contest.Contest{Name: way.name, Contestants: []contest.Contestant{
			upserting(w, way, "no list, no index", b.plain, func(p peers.Profile) peers.Profile { return p }, nil),
			upserting(w, way, "Listed", b.listed, func(p peers.Profile) peers.Profile { return p }, nil),
			upserting(w, way, "two indexes", b.indexed, func(p peers.Profile) record { return record(p) }, func(ctx context.Context) error {
				err := b.indexed.Upsert(ctx, "another", recordOf(1))
				if !errors.Is(err, symphony.ErrExists) {
					return fmt.Errorf("a second record with a unique value: %w, expected ErrExists", err)
				}
				return nil
			}),
		}})
	}
	return all
}

// upserting is the contestant that writes to a repository. check may be nil.
func upserting[T comparable](
	w *write, way upserts, name string, repo *symphony.User[T], from func(peers.Profile) T, check func(context.Context) error,
) contest.Contestant {
	return contest.Contestant{
		Name: name, How: "User.Upsert",
		Turn: contest.Calls(contest.ContextsOf["deadline"], func(ctx context.Context, p contest.Place) error {
			id, value := way.choose(w, p)
			return repo.Upsert(ctx, id, from(value))
		}),
		Check: func(ctx context.Context) error {
			if got, err := repo.Get(ctx, idOf(1)); err != nil || got != from(peers.ProfileOf(1)) {
				return errors.Join(err, fmt.Errorf("unexpected record %+v", got))
			}
			if check == nil {
				return nil
			}
			return check(ctx)
		},
	}
}
