package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
)

// small is a record that takes little memory, so that the cache around it
// shows.
type small struct {
	Text   string `redis:"text"`
	Number int64  `redis:"number"`
}

func smallOf(i int) small {
	return small{Text: fmt.Sprintf("a text of 24 bytes %05d", i%100_000), Number: int64(i)}
}

// caches are a cache of this library and one of otter with the same records.
// otter asks no server and hears of no change.
type caches struct {
	pools  *pool.Pools
	repo   *symphony.Table[small]
	otter  *otter.Cache[string, *small]
	ids    []string // in a random order, in which their bytes are stored too
	memory []results.Memory
}

// openCaches fills both caches with n records, and measures the memory that
// each of them takes.
func openCaches(ctx context.Context, url string, n int) (_ *caches, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // a busy machine may be slow
	defer cancel()
	c := &caches{ids: make([]string, n)}
	order := rand.Perm(n)
	for i, k := range order {
		c.ids[i] = fmt.Sprintf("id%07d", k)
	}
	if err := c.connect(ctx, url); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.pools.Close()
		}
	}()
	if err := c.write(ctx, order); err != nil {
		return nil, err
	}
	if err := c.weigh(results.Ours, func() error {
		return Spread((n+many-1)/many, func(page int) error {
			ids := c.ids[page*many : min(n, (page+1)*many)]
			found, err := c.repo.GetMany(ctx, ids...)
			if err == nil && len(found) != len(ids) {
				err = fmt.Errorf("got %d records, expected %d", len(found), len(ids))
			}
			return err
		})
	}); err != nil {
		return nil, err
	}
	err = c.weigh("otter", func() error {
		for i, k := range order {
			v := smallOf(k)
			c.otter.Set(strings.Clone(c.ids[i]), &v)
		}
		return nil
	})
	return c, err
}

func (c *caches) connect(ctx context.Context, url string) error {
	parsed, err := rueidis.ParseURL(url)
	if err != nil {
		return err
	}
	if c.pools, err = pool.Open(ctx, pool.Config{
		URLs:      map[pool.Alias]string{Alias: url},
		Databases: map[pool.Alias]int{Alias: parsed.SelectDB},
		Logger:    slog.New(slog.DiscardHandler),
		Cache:     pool.Cache{MaxBytes: 4 << 30, MaxStale: time.Hour},
	}); err != nil {
		return err
	}
	c.repo, err = symphony.NewTable[small](c.pools, Mark, "small", symphony.On(Alias), symphony.Cached(time.Hour), symphony.NoTTL())
	if err != nil {
		c.pools.Close()
		return err
	}
	c.otter, err = otter.New(&otter.Options[string, *small]{
		MaximumSize: 2 * len(c.ids), ExpiryCalculator: otter.ExpiryWriting[string, *small](time.Hour), // as in Cached
	})
	return err
}

func (c *caches) write(ctx context.Context, order []int) error {
	const page = 500
	return Spread((len(order)+page-1)/page, func(p int) error {
		var all []hashrepo.Record[small]
		for i := p * page; i < min(len(order), (p+1)*page); i++ {
			all = append(all, hashrepo.Record[small]{ID: c.ids[i], Value: smallOf(order[i])})
		}
		return c.repo.UpsertMany(ctx, all...)
	})
}

// weighable is the least number of entries whose memory stands out.
const weighable = 10_000

// weigh measures how much memory fill keeps, for each entry.
func (c *caches) weigh(who string, fill func() error) error {
	before := heap()
	if err := fill(); err != nil || len(c.ids) < weighable {
		return err
	}
	c.memory = append(c.memory, results.Memory{
		What: results.Cache, Contestant: who, Entries: len(c.ids), Bytes: (heap() - before) / float64(len(c.ids)),
	})
	return nil
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer or a pool has kept
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// warm is the number of entries that are read if the reads are warm.
const warm = 100

// near returns the contest of reads from a cache with n entries: of all of them
// in a random order, or of a few of them.
func near(name string) func(context.Context, *Peers, int) (contest.Contest, int, error) {
	return func(ctx context.Context, p *Peers, n int) (contest.Contest, int, error) {
		if err := p.fillCaches(ctx, n); err != nil {
			return contest.Contest{}, 0, err
		}
		ids := p.caches.ids
		if name == results.Warm {
			ids = ids[:warm]
		}
		c := contest.Contest{Name: name, Baseline: "otter"}
		add := func(who, how string, read func(ctx context.Context, id string) (small, error)) {
			call := func(ctx context.Context, at contest.Place) error {
				v, err := read(ctx, ids[at.Call%len(ids)])
				if err == nil && v.Text == "" {
					err = errors.New("the record is empty")
				}
				return err
			}
			c.Contestants = append(c.Contestants, contest.Contestant{
				Name: who, How: how, Turn: contest.Calls(p.target.Contexts, call),
				Check: func(ctx context.Context) error {
					for _, i := range []int{0, len(ids) - 1} {
						v, err := read(ctx, ids[i])
						if err == nil && ids[i] != fmt.Sprintf("id%07d", v.Number) {
							err = fmt.Errorf("got the record %d for %s", v.Number, ids[i])
						}
						if err != nil {
							return err
						}
					}
					return nil
				},
			})
		}
		add(results.Ours, "Table.Get with Cached", p.caches.repo.Get)
		add("otter", "Cache.GetIfPresent, and a copy of the struct", func(_ context.Context, id string) (small, error) {
			v, ok := p.caches.otter.GetIfPresent(id)
			if !ok {
				return small{}, fmt.Errorf("%s is not in the cache", id)
			}
			return *v, nil
		})
		return c, 1, nil
	}
}

// fillCaches makes caches with n entries, if the last ones had another number.
func (p *Peers) fillCaches(ctx context.Context, n int) (err error) {
	if p.caches != nil && len(p.caches.ids) == n {
		return nil
	}
	p.closeCaches()
	if p.caches, err = openCaches(ctx, p.target.URL, n); err != nil {
		return err
	}
	if !slices.ContainsFunc(p.Memory, func(m results.Memory) bool { return m.Entries == n }) {
		p.Memory = append(p.Memory, p.caches.memory...)
	}
	return nil
}

func (p *Peers) closeCaches() {
	if p.caches != nil {
		p.caches.pools.Close()
		p.caches = nil
	}
}
