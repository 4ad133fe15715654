package peers

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/symphony-go/symphony/bench/wire"
)

// goRedis uses go-redis v9 as its documentation shows it: structs by HSet and
// Scan (redis.io, go-redis, "Handle command results efficiently"), Pipelined
// and TxPipelined ("Pipelines and transactions"), values by
// encoding.BinaryMarshaler. The pool has a connection for each caller, so that
// nobody waits for one.
type goRedis struct {
	plain *redis.Client
	auto  *redis.AutoPipeliner
	near  *redis.Client // with the client-side cache; nil on other databases than 0, where there is none
}

func openGoRedis(t Target, counter *wire.Counter) (*goRedis, error) {
	options := func() (*redis.Options, error) {
		o, err := redis.ParseURL(t.URL)
		if err != nil {
			return nil, err
		}
		o.PoolSize = t.Callers
		if counter != nil {
			o.Dialer = counted(counter, o.TLSConfig)
		}
		return o, nil
	}
	o, err := options()
	if err != nil {
		return nil, err
	}
	g := &goRedis{plain: redis.NewClient(o)}
	if g.auto, err = g.plain.AutoPipeline(); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	if o.DB != 0 {
		return g, nil
	}
	if o, err = options(); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	o.Protocol, o.ClientSideCacheConfig = 3, &redis.ClientSideCacheConfig{MaxEntries: 2 * t.Records}
	g.near = redis.NewClient(o)
	return g, nil
}

func (g *goRedis) Close() error {
	var all []error
	if g.auto != nil {
		all = append(all, g.auto.Close())
	}
	if g.near != nil {
		all = append(all, g.near.Close())
	}
	return errors.Join(append(all, g.plain.Close())...)
}

func (g *goRedis) library() library[*Profile] {
	return library[*Profile]{
		name: "go-redis",
		how: map[string]string{
			Get: "HGetAll.Scan", Upsert: "TxPipelined of HSet(struct) and PExpire", Update: "TxPipelined of HSet, HIncrBy and PExpire",
			GetMany: "Pipelined of HGetAlls, each with Scan", Find: "Scan, then Pipelined of HGets and of HGetAlls for the matches",
			KVGet: "Get.Scan into an encoding.BinaryUnmarshaler", KVSet: "Set of an encoding.BinaryMarshaler",
		},
		from:    pointer,
		profile: value,
		key:     hashKey,
		get: func(ctx context.Context, id string) (*Profile, error) {
			p := new(Profile)
			return p, g.plain.HGetAll(ctx, hashKey(id)).Scan(p)
		},
		upsert: func(ctx context.Context, id string, p *Profile) error { return setHash(ctx, g.plain, id, p) },
		update: g.update, getMany: g.getMany, find: g.find, kvGet: g.kvGet, kvSet: g.kvSet,
	}
}

func pointer(_ string, p Profile) *Profile { return &p }
func value(p *Profile) Profile             { return *p }

// piped uses go-redis with automatic pipelining, which it calls experimental
// (README, "Automatic pipelining").
func (g *goRedis) piped() library[*Profile] {
	return library[*Profile]{
		name:    "go-redis auto",
		how:     map[string]string{Get: "HGetAll.Scan on AutoPipeline() (go-redis's README, Automatic pipelining, experimental)"},
		from:    pointer,
		profile: value,
		get: func(ctx context.Context, id string) (*Profile, error) {
			p := new(Profile)
			return p, g.auto.HGetAll(ctx, hashKey(id)).Scan(p)
		},
	}
}

// cached uses go-redis with its client-side cache, which it calls experimental
// (README, "Client-side caching").
func (g *goRedis) cached() library[*Profile] {
	l := library[*Profile]{
		name:    "go-redis cache",
		how:     map[string]string{CachedGet: "HGetAll.Scan with ClientSideCacheConfig (go-redis's README, Client-side caching, experimental)"},
		from:    pointer,
		profile: value,
		key:     hashKey,
		upsert:  func(ctx context.Context, id string, p *Profile) error { return setHash(ctx, g.near, id, p) },
	}
	if g.near != nil {
		l.cached = func(ctx context.Context, id string) (*Profile, error) {
			p := new(Profile)
			return p, g.near.HGetAll(ctx, hashKey(id)).Scan(p)
		}
	}
	return l
}

func setHash(ctx context.Context, c *redis.Client, id string, p *Profile) error {
	_, err := c.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, hashKey(id), p)
		tx.PExpire(ctx, hashKey(id), lifetime)
		return nil
	})
	return err
}

func (g *goRedis) update(ctx context.Context, id, plan string, by int64) error {
	_, err := g.plain.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, hashKey(id), "plan", plan)
		tx.HIncrBy(ctx, hashKey(id), "score", by)
		tx.PExpire(ctx, hashKey(id), lifetime)
		return nil
	})
	return err
}

func (g *goRedis) getMany(ctx context.Context, ids []string) (list[*Profile], error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = hashKey(id)
	}
	return g.readAll(ctx, keys)
}

func (g *goRedis) readAll(ctx context.Context, keys []string) (slice[*Profile], error) {
	replies := make([]*redis.MapStringStringCmd, len(keys))
	if _, err := g.plain.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = p.HGetAll(ctx, key)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	all := make(slice[*Profile], len(keys))
	for i, reply := range replies {
		all[i] = new(Profile)
		if err := reply.Scan(all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (g *goRedis) find(ctx context.Context, city string) (found []*Profile, err error) {
	for cursor := uint64(0); ; {
		var keys, matches []string
		if keys, cursor, err = g.plain.Scan(ctx, cursor, hashKey("*"), 1000).Result(); err != nil {
			return nil, err
		}
		probes := make([]*redis.StringCmd, len(keys))
		if _, err := g.plain.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, key := range keys {
				probes[i] = p.HGet(ctx, key, "city")
			}
			return nil
		}); err != nil {
			return nil, err
		}
		for i, probe := range probes {
			if probe.Val() == city {
				matches = append(matches, keys[i])
			}
		}
		if len(matches) > 0 {
			page, err := g.readAll(ctx, matches)
			if err != nil {
				return nil, err
			}
			found = append(found, page...)
		}
		if cursor == 0 {
			return found, nil
		}
	}
}

// document is a Profile that encodes itself as JSON.
type document Profile

func (d *document) MarshalBinary() ([]byte, error)    { return json.Marshal((*Profile)(d)) }
func (d *document) UnmarshalBinary(text []byte) error { return json.Unmarshal(text, (*Profile)(d)) }

func (g *goRedis) kvGet(ctx context.Context, id string) (*Profile, error) {
	d := new(document)
	return (*Profile)(d), g.plain.Get(ctx, valueKey(id)).Scan(d)
}

func (g *goRedis) kvSet(ctx context.Context, id string, p *Profile) error {
	return g.plain.Set(ctx, valueKey(id), (*document)(p), lifetime).Err()
}
