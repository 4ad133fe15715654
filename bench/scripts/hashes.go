package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/hashrepo"
)

// hashes are the writes of records that depend on what is stored. A record is a
// peers.Profile, with 12 fields and a lifetime.
var hashes = []operation{
	{"Update, Add", func(ctx context.Context, b *bed) ([]contestant, error) {
		return compareWrites(ctx, b, func(r *hashBed, id string) error {
			return r.users.Update(ctx, id, score.Add(1))
		}, hincrby)
	}},
	{"Update, Set and Add", func(ctx context.Context, b *bed) ([]contestant, error) {
		return compareWrites(ctx, b, func(r *hashBed, id string) error {
			return r.users.Update(ctx, id, plan.Set("gold"), score.Add(1))
		}, hset, hincrby)
	}},
	{"IncrementField", func(ctx context.Context, b *bed) ([]contestant, error) {
		return compareWrites(ctx, b, func(r *hashBed, id string) error {
			_, err := r.users.IncrementField(ctx, id, "score", 1)
			return err
		}, hincrby)
	}},
	{"Merge, Set and Add", func(ctx context.Context, b *bed) ([]contestant, error) {
		return compareWrites(ctx, b, func(r *hashBed, id string) error {
			_, err := r.users.Merge(ctx, id, plan.Set("gold"), score.Add(1))
			return err
		}, hset, hincrby, hmget)
	}},
	{"StateHandler.Merge, Set", func(ctx context.Context, b *bed) ([]contestant, error) {
		return compareWrites(ctx, b, func(r *hashBed, id string) error {
			_, err := r.states.Merge(ctx, id, plan.Set("gold"))
			return err
		}, hsetState, hmget)
	}},
	{"Mutate of one field", mutate},
}

var (
	plan  = hashrepo.FieldOf(func(p *peers.Profile) *string { return &p.Plan })
	score = hashrepo.NumberOf(func(p *peers.Profile) *int64 { return &p.Score })
)

const hashLifetime = 24 * time.Hour

// hashBed is the repositories of profiles, with records.
type hashBed struct {
	users  *symphony.User[peers.Profile]
	states *symphony.StateHandler[peers.Profile]
	ids    []string
}

func openHashBed(ctx context.Context, b *bed) (*hashBed, error) {
	r := &hashBed{}
	var errs [2]error
	r.users, errs[0] = symphony.NewUser[peers.Profile](b.pools, peers.Mark, symphony.On(peers.Alias), symphony.TTL(hashLifetime))
	r.states, errs[1] = symphony.NewStateHandler[peers.Profile](b.pools, peers.Mark, "handler", symphony.On(peers.Alias), symphony.TTL(hashLifetime))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for i := range 200 {
		id := fmt.Sprintf("id%06d", i)
		r.ids = append(r.ids, id)
		if err := errors.Join(r.users.Upsert(ctx, id, peers.ProfileOf(i)), r.states.Upsert(ctx, id, peers.ProfileOf(i))); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// command returns a command on a record.
type command func(key string) []string

func hset(key string) []string    { return []string{"HSET", key, "plan", "gold"} }
func hincrby(key string) []string { return []string{"HINCRBY", key, "score", "1"} }
func pexpire(key string) []string {
	return []string{"PEXPIRE", key, strconv.FormatInt(hashLifetime.Milliseconds(), 10)}
}

func hmget(key string) []string {
	return []string{"HMGET", key, "name", "email", "city", "bio", "plan", "score", "level", "logins", "active", "admin", "created", "updated"}
}

func hsetState(key string) []string {
	return append(hset(key), "handler_type", "handler", "timestamp", time.Now().UTC().Format(time.RFC3339Nano))
}

// compareWrites compares our call with commands, followed by PEXPIRE.
func compareWrites(ctx context.Context, b *bed, call func(r *hashBed, id string) error, commands ...command) ([]contestant, error) {
	r, err := openHashBed(ctx, b)
	if err != nil {
		return nil, err
	}
	ours, err := b.record(func() error { return r.each(func(id string) error { return call(r, id) }) })
	if err != nil {
		return nil, err
	}
	atomic, loose := &recording{}, &recording{}
	for _, id := range r.ids {
		key := peers.Mark + ":user:" + id
		atomic.add("MULTI")
		for _, c := range append(commands[:len(commands):len(commands)], pexpire) {
			atomic.add(c(key)...)
			loose.add(c(key)...)
		}
		atomic.add("EXEC")
	}
	n := len(r.ids)
	return []contestant{
		ours.contestant("symphony", b.pipeline, n),
		loose.contestant("not atomic", b.pipeline, n),
		atomic.contestant("transaction", b.pipeline, n),
	}, nil
}

func (r *hashBed) each(do func(id string) error) error {
	for _, id := range r.ids {
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}

// mutate compares Mutate with optimistic concurrency by WATCH. Every record is
// changed to one text and then to another, so that the commands can be sent
// again.
func mutate(ctx context.Context, b *bed) ([]contestant, error) {
	r, err := openHashBed(ctx, b)
	if err != nil {
		return nil, err
	}
	texts := []string{"gold", "silver"}
	ours, err := b.record(func() error {
		for _, text := range texts {
			if err := r.each(func(id string) error {
				_, err := r.users.Mutate(ctx, id, func(p *peers.Profile) error {
					p.Plan = text
					return nil
				})
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	watched := &recording{}
	for _, text := range texts {
		for _, id := range r.ids {
			key := peers.Mark + ":user:" + id
			watched.add("WATCH", key)
			watched.add(hmget(key)...)
			watched.add("MULTI")
			watched.add("HSET", key, "plan", text)
			watched.add(pexpire(key)...)
			watched.add("EXEC")
		}
	}
	n := len(texts) * len(r.ids)
	return []contestant{
		ours.contestant("symphony", b.pipeline, n),
		watched.contestant("transaction", b.pipeline, n),
	}, nil
}
