package peers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
)

// The walks over all keys of the database.
const (
	All       = "All"
	IDs       = "IDs"
	DeleteAll = "DeleteAll"
)

// amongForeign returns a walk over a space without list and index, in a
// database with some keys that do not belong to it.
func amongForeign(name string) func(context.Context, *Peers, int) (contest.Contest, int, error) {
	return func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
		if err := p.surround(ctx, n); err != nil {
			return contest.Contest{}, 0, err
		}
		_, err := p.feeder.users.DeleteAll(ctx) // those of other contests; Check writes its own
		p.written = p.target.Records
		return p.walk(name), 1, err
	}
}

// surround sets the number of foreign keys to n.
func (p *Peers) surround(ctx context.Context, n int) error {
	const page = 1000
	c, from, to := p.other.c, min(n, p.foreign), max(n, p.foreign)
	grows := n > p.foreign
	p.foreign = n
	return Spread((to-from+page-1)/page, func(i int) error {
		var pairs, keys []string
		for k := from + i*page; k < min(to, from+(i+1)*page); k++ {
			key := fmt.Sprintf("%s:foreign:%07d", Mark, k)
			keys, pairs = append(keys, key), append(pairs, key, "x")
		}
		if grows {
			return c.Do(ctx, c.B().Arbitrary("MSET").Keys(pairs...).Build()).Error()
		}
		return c.Do(ctx, c.B().Unlink().Key(keys...).Build()).Error()
	})
}

// walked is what a walk returns: a text for each record.
type walked func(ctx context.Context) ([]string, error)

func (p *Peers) walk(name string) contest.Contest {
	ours, hand := p.ours.walks()[name], p.hand.walks()[name]
	c := contest.Contest{Name: name, Baseline: "rueidis", Contestants: []contest.Contestant{
		p.walker(name, results.Ours, "User."+name, ours),
		p.walker(name, "rueidis", "SCAN COUNT 1000, with the commands for its keys in the same DoMulti as the next SCAN", hand),
	}}
	if name == DeleteAll {
		c.Most = 1 // the second one would find nothing
	}
	return c
}

func (p *Peers) walker(name, who, how string, walk walked) contest.Contestant {
	c := contest.Contestant{Name: who, How: how, Turn: contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error {
		_, err := walk(ctx)
		return err
	})}
	ids := identities(p.target.Records)
	seed := func(ctx context.Context, _ int) error {
		return Spread(p.target.Records, func(i int) error { return p.other.upsert(ctx, ids[i], ProfileOf(i)) })
	}
	if name == DeleteAll {
		c.Prepare = seed
	}
	c.Check = func(ctx context.Context) error {
		if err := seed(ctx, 1); err != nil {
			return err
		}
		got, err := walk(ctx)
		slices.Sort(got)
		if want := p.expected(name); err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("got %d records, expected %d", len(got), len(want))
		}
		return err
	}
	return c
}

// expected returns what a walk returns, sorted.
func (p *Peers) expected(name string) (all []string) {
	n := p.target.Records
	if name == DeleteAll {
		return []string{strconv.Itoa(n)}
	}
	for i, id := range identities(n)[:n] {
		switch {
		case name == IDs:
			all = append(all, id)
		case name == All || ProfileOf(i).City == city(7):
			all = append(all, ProfileOf(i).Email)
		}
	}
	slices.Sort(all)
	return all
}

func (o *ours) walks() map[string]walked {
	return map[string]walked{
		Find: func(ctx context.Context) (emails []string, err error) {
			for record, err := range o.users.Find(ctx, home.Eq(city(7))) {
				if err != nil {
					return nil, err
				}
				emails = append(emails, record.Value.Email)
			}
			return emails, nil
		},
		All: func(ctx context.Context) (emails []string, err error) {
			for record, err := range o.users.All(ctx) {
				if err != nil {
					return nil, err
				}
				emails = append(emails, record.Value.Email)
			}
			return emails, nil
		},
		IDs: func(ctx context.Context) (ids []string, err error) {
			for id, err := range o.users.IDs(ctx) {
				if err != nil {
					return nil, err
				}
				ids = append(ids, id)
			}
			return ids, nil
		},
		DeleteAll: func(ctx context.Context) ([]string, error) {
			n, err := o.users.DeleteAll(ctx)
			return []string{strconv.FormatInt(n, 10)}, err
		},
	}
}

func (h *hand) walks() map[string]walked {
	prefix := hashKey("")
	return map[string]walked{
		Find: func(ctx context.Context) (emails []string, err error) {
			probe := func(key string) rueidis.Completed { return h.c.B().Hmget().Key(key).Field("city").Build() }
			err = h.scan(ctx, probe, func(keys []string, replies []rueidis.RedisResult) error {
				var reads rueidis.Commands
				for i, reply := range replies {
					values, err := reply.AsStrSlice()
					if err != nil {
						return err
					}
					if values[0] == city(7) {
						reads = append(reads, h.c.B().Hmget().Key(keys[i]).Field(fields...).Build())
					}
				}
				for _, reply := range h.c.DoMulti(ctx, reads...) {
					v, err := decode(reply)
					if err != nil {
						return err
					}
					emails = append(emails, v.Email)
				}
				return nil
			})
			return emails, err
		},
		All: func(ctx context.Context) (emails []string, err error) {
			read := func(key string) rueidis.Completed { return h.c.B().Hmget().Key(key).Field(fields...).Build() }
			err = h.scan(ctx, read, func(_ []string, replies []rueidis.RedisResult) error {
				for _, reply := range replies {
					v, err := decode(reply)
					if err != nil {
						return err
					}
					emails = append(emails, v.Email)
				}
				return nil
			})
			return emails, err
		},
		IDs: func(ctx context.Context) (ids []string, err error) {
			err = h.scan(ctx, nil, func(keys []string, _ []rueidis.RedisResult) error {
				for _, key := range keys {
					ids = append(ids, strings.TrimPrefix(key, prefix))
				}
				return nil
			})
			return ids, err
		},
		DeleteAll: func(ctx context.Context) ([]string, error) {
			n := int64(0)
			unlink := func(key string) rueidis.Completed { return h.c.B().Unlink().Key(key).Build() }
			err := h.scan(ctx, unlink, func(_ []string, replies []rueidis.RedisResult) error {
				for _, reply := range replies {
					one, err := reply.AsInt64()
					if err != nil {
						return err
					}
					n += one
				}
				return nil
			})
			return []string{strconv.FormatInt(n, 10)}, err
		},
	}
}

// scan sends a command for each key of the records, together with the next
// SCAN. If command is nil, it sends SCAN alone.
func (h *hand) scan(ctx context.Context, command func(key string) rueidis.Completed, page func(keys []string, replies []rueidis.RedisResult) error) error {
	next := func(cursor uint64) rueidis.Completed {
		return h.c.B().Scan().Cursor(cursor).Match(hashKey("*")).Count(1000).Build()
	}
	entry, err := h.c.Do(ctx, next(0)).AsScanEntry()
	for {
		if err != nil {
			return err
		}
		var cmds rueidis.Commands
		if command != nil {
			for _, key := range entry.Elements {
				cmds = append(cmds, command(key))
			}
		}
		n := len(cmds)
		if entry.Cursor != 0 {
			cmds = append(cmds, next(entry.Cursor))
		}
		replies := h.c.DoMulti(ctx, cmds...)
		if err := page(entry.Elements, replies[:n]); err != nil || entry.Cursor == 0 {
			return err
		}
		entry, err = replies[n].AsScanEntry()
	}
}
