package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/wire"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
)

// record is peers.Profile with two indexes: one of a unique text, and one of a
// time.
type record struct {
	Name    string    `redis:"name"`
	Email   string    `redis:"email,unique"`
	City    string    `redis:"city"`
	Bio     string    `redis:"bio"`
	Plan    string    `redis:"plan"`
	Score   int64     `redis:"score"`
	Level   int64     `redis:"level"`
	Logins  int64     `redis:"logins"`
	Active  bool      `redis:"active"`
	Admin   bool      `redis:"admin"`
	Created time.Time `redis:"created,index"`
	Updated time.Time `redis:"updated"`
}

// recordOf returns the record with a number. The emails and the times of
// different records differ.
func recordOf(i int) record { return record(peers.ProfileOf(i)) }

func idOf(i int) string { return fmt.Sprintf("id%07d", i) }

// bed is the repositories on one server. Each has its own tenant.
type bed struct {
	pools   *pool.Pools
	plain   *symphony.User[peers.Profile]
	listed  *symphony.User[peers.Profile]
	indexed *symphony.User[record]
}

// openBed connects to the database of a URL. A counter may be nil: counting
// takes time, so the repositories that are measured do not count.
func openBed(ctx context.Context, url string, counter *wire.Counter) (*bed, error) {
	pools, err := peers.OpenPools(ctx, url, counter)
	if err != nil {
		return nil, err
	}
	b := &bed{pools: pools}
	var errs [3]error
	b.plain, errs[0] = symphony.NewUser[peers.Profile](pools, peers.Mark+"-plain", symphony.On(peers.Alias))
	b.listed, errs[1] = symphony.NewUser[peers.Profile](pools, peers.Mark+"-listed", symphony.On(peers.Alias), symphony.Listed())
	b.indexed, errs[2] = symphony.NewUser[record](pools, peers.Mark+"-indexed", symphony.On(peers.Alias))
	if err := errors.Join(errs[:]...); err != nil {
		pools.Close()
		return nil, err
	}
	return b, nil
}

// batch is the number of records of one call that fills a repository.
const batch = 50

// fill writes the records 0 to n-1.
func fill[T any](ctx context.Context, repo *symphony.User[T], n int, valueOf func(i int) T) error {
	return peers.Spread((n+batch-1)/batch, func(b int) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute) // a busy machine may be slow
		defer cancel()
		var all []hashrepo.Record[T]
		for i := b * batch; i < min(n, (b+1)*batch); i++ {
			all = append(all, hashrepo.Record[T]{ID: idOf(i), Value: valueOf(i)})
		}
		return repo.UpsertMany(ctx, all...)
	})
}
