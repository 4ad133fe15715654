package peers

import (
	"context"
	"log/slog"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
)

// ours uses this library as its README shows it.
type ours struct {
	pools    *pool.Pools
	users    *symphony.User[Profile]
	near     *symphony.User[Profile] // the same records, read from memory
	values   *symphony.Generic[Profile]
	batch    *symphony.Batch[string]
	triggers *symphony.Trigger
	feeds    *symphony.Feed[string]
}

// Alias is the pool of all our repositories, in the database of the URL.
const Alias = pool.User

var (
	plan  = hashrepo.FieldOf(func(p *Profile) *string { return &p.Plan })
	home  = hashrepo.FieldOf(func(p *Profile) *string { return &p.City })
	score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
)

// OpenPools connects this library to the database of a URL, as [Alias]. A
// counter may be nil.
func OpenPools(ctx context.Context, url string, counter *wire.Counter) (*pool.Pools, error) {
	parsed, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return pool.Open(ctx, pool.Config{
		URLs:      map[pool.Alias]string{Alias: url},
		Databases: map[pool.Alias]int{Alias: parsed.SelectDB},
		Logger:    slog.New(slog.DiscardHandler),
		NewClient: func(o rueidis.ClientOption) (rueidis.Client, error) {
			listen(&o, counter)
			return rueidis.NewClient(o)
		},
	})
}

func openOurs(ctx context.Context, t Target, counter *wire.Counter) (*ours, error) {
	pools, err := OpenPools(ctx, t.URL, counter)
	if err != nil {
		return nil, err
	}
	o := &ours{pools: pools}
	if err := o.make(); err != nil {
		pools.Close()
		return nil, err
	}
	return o, nil
}

func (o *ours) make() (err error) {
	if o.users, err = symphony.NewUser[Profile](o.pools, Mark, symphony.On(Alias), symphony.TTL(lifetime)); err != nil {
		return err
	}
	if o.near, err = symphony.NewUser[Profile](o.pools, Mark, symphony.On(Alias), symphony.TTL(lifetime), symphony.Cached(cacheFor)); err != nil {
		return err
	}
	if o.values, err = symphony.NewGeneric[Profile](o.pools, Mark, symphony.On(Alias), symphony.TTL(lifetime)); err != nil {
		return err
	}
	if o.batch, err = symphony.NewBatch[string](o.pools, Mark, symphony.On(Alias)); err != nil {
		return err
	}
	if o.feeds, err = symphony.NewFeed[string](o.pools, Mark, "answers", symphony.On(Alias), symphony.TTL(lifetime)); err != nil {
		return err
	}
	o.triggers, err = symphony.NewTrigger(o.pools, Mark, symphony.On(Alias))
	return err
}

func (o *ours) Close() error {
	o.pools.Close()
	return nil
}

func (o *ours) library() library[Profile] {
	return library[Profile]{
		name: results.Ours,
		how: map[string]string{
			Get: "User.Get", Upsert: "User.Upsert", Update: "User.Update with Set and Add", GetMany: "User.GetMany",
			Find: "User.Find with Eq", KVGet: "Generic.Get", KVSet: "Generic.Set",
		},
		from:    func(_ string, p Profile) Profile { return p },
		profile: func(p Profile) Profile { return p },
		key:     hashKey,
		get:     o.users.Get,
		upsert:  o.users.Upsert,
		update: func(ctx context.Context, id, to string, by int64) error {
			return o.users.Update(ctx, id, plan.Set(to), score.Add(by))
		},
		getMany: o.getMany,
		find:    o.find,
		kvGet:   o.values.Get,
		kvSet:   o.values.Set,
	}
}

// cached is the library with its client-side cache.
func (o *ours) cached() library[Profile] {
	return library[Profile]{
		name:    results.Ours,
		how:     map[string]string{CachedGet: "User.Get with Cached (docs/caching.md)"},
		from:    func(_ string, p Profile) Profile { return p },
		profile: func(p Profile) Profile { return p },
		key:     hashKey,
		upsert:  o.near.Upsert,
		cached:  o.near.Get,
	}
}

// records is the result of GetMany as a list.
type records []hashrepo.Record[Profile]

func (r records) len() int         { return len(r) }
func (r records) at(i int) Profile { return r[i].Value }

func (o *ours) getMany(ctx context.Context, ids []string) (list[Profile], error) {
	all, err := o.users.GetMany(ctx, ids...)
	return records(all), err
}

func (o *ours) find(ctx context.Context, city string) (found []Profile, err error) {
	for record, err := range o.users.Find(ctx, home.Eq(city)) {
		if err != nil {
			return nil, err
		}
		found = append(found, record.Value)
	}
	return found, nil
}

// hashKey returns the key of a record that all libraries but om share.
func hashKey(id string) string { return Mark + ":user:" + id }
