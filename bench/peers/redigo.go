package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/symphony-go/symphony/bench/wire"
)

// redigo uses redigo as its documentation shows it: a Pool, Args.AddFlat and
// ScanStruct (pkg.go.dev, "Reply Helpers"), Send, Flush and Receive
// ("Pipelining"). The pool keeps a connection for each caller.
type redigo struct{ pool *redis.Pool }

// redigoProfile is Profile with times that redigo can store.
type redigoProfile struct {
	Name    string `redis:"name"`
	Email   string `redis:"email"`
	City    string `redis:"city"`
	Bio     string `redis:"bio"`
	Plan    string `redis:"plan"`
	Score   int64  `redis:"score"`
	Level   int64  `redis:"level"`
	Logins  int64  `redis:"logins"`
	Active  bool   `redis:"active"`
	Admin   bool   `redis:"admin"`
	Created moment `redis:"created"`
	Updated moment `redis:"updated"`
}

// moment implements redis.Argument and redis.Scanner.
type moment time.Time

func (m moment) RedisArg() any { return time.Time(m).Format(time.RFC3339Nano) }

func (m *moment) RedisScan(src any) error {
	text, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("a time has the type %T", src)
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	*m = moment(t)
	return err
}

func openRedigo(t Target, counter *wire.Counter) *redigo {
	var options []redis.DialOption
	if counter != nil {
		options = append(options, redis.DialContextFunc(counted(counter, nil))) // redigo puts TLS over it
	}
	return &redigo{&redis.Pool{
		MaxIdle:     t.Callers,
		IdleTimeout: 4 * time.Minute,
		DialContext: func(ctx context.Context) (redis.Conn, error) { return redis.DialURLContext(ctx, t.URL, options...) },
	}}
}

func (r *redigo) Close() error { return r.pool.Close() }

func (r *redigo) library() library[*redigoProfile] {
	return library[*redigoProfile]{
		name: "redigo",
		how: map[string]string{
			Get: "HGETALL and ScanStruct", Upsert: "Send of MULTI, HSET with Args.AddFlat, PEXPIRE, and Do of EXEC",
			Update: "Send of MULTI, HSET, HINCRBY, PEXPIRE, and Do of EXEC", GetMany: "Send of HGETALLs, Flush, Receive and ScanStruct",
			Find: "SCAN, then Send of HGETs, and of HGETALLs for the matches", KVGet: "GET and json.Unmarshal", KVSet: "json.Marshal and SET PX",
		},
		from: func(_ string, p Profile) *redigoProfile {
			return &redigoProfile{
				p.Name, p.Email, p.City, p.Bio, p.Plan, p.Score, p.Level, p.Logins, p.Active, p.Admin, moment(p.Created), moment(p.Updated),
			}
		},
		profile: func(p *redigoProfile) Profile {
			return Profile{
				p.Name, p.Email, p.City, p.Bio, p.Plan, p.Score, p.Level, p.Logins, p.Active, p.Admin, time.Time(p.Created), time.Time(p.Updated),
			}
		},
		key: hashKey,
		get: r.get, upsert: r.upsert, update: r.update, getMany: r.getMany, find: r.find,
	}
}

// values uses redigo with JSON, which needs no special type.
func (r *redigo) values() library[*Profile] {
	l := r.library()
	return library[*Profile]{name: l.name, how: l.how, from: pointer, profile: value, kvGet: r.kvGet, kvSet: r.kvSet}
}

// with borrows a connection for a call.
func (r *redigo) with(ctx context.Context, do func(redis.Conn) error) error {
	c, err := r.pool.GetContext(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close())
}

func (r *redigo) get(ctx context.Context, id string) (*redigoProfile, error) {
	p := new(redigoProfile)
	return p, r.with(ctx, func(c redis.Conn) error {
		values, err := redis.Values(redis.DoContext(c, ctx, "HGETALL", hashKey(id)))
		if err != nil {
			return err
		}
		return redis.ScanStruct(values, p)
	})
}

func (r *redigo) upsert(ctx context.Context, id string, p *redigoProfile) error {
	return r.transaction(ctx, func(c redis.Conn) error {
		return errors.Join(
			c.Send("HSET", redis.Args{}.Add(hashKey(id)).AddFlat(p)...),
			c.Send("PEXPIRE", hashKey(id), lifetime.Milliseconds()))
	})
}

func (r *redigo) update(ctx context.Context, id, plan string, by int64) error {
	return r.transaction(ctx, func(c redis.Conn) error {
		return errors.Join(
			c.Send("HSET", hashKey(id), "plan", plan),
			c.Send("HINCRBY", hashKey(id), "score", by),
			c.Send("PEXPIRE", hashKey(id), lifetime.Milliseconds()))
	})
}

func (r *redigo) transaction(ctx context.Context, send func(redis.Conn) error) error {
	return r.with(ctx, func(c redis.Conn) error {
		if err := errors.Join(c.Send("MULTI"), send(c)); err != nil {
			return err
		}
		replies, err := redis.Values(redis.DoContext(c, ctx, "EXEC"))
		if err != nil {
			return err
		}
		for _, reply := range replies {
			if err, bad := reply.(redis.Error); bad {
				return err
			}
		}
		return nil
	})
}

func (r *redigo) getMany(ctx context.Context, ids []string) (list[*redigoProfile], error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = hashKey(id)
	}
	var all slice[*redigoProfile]
	err := r.with(ctx, func(c redis.Conn) (err error) {
		all, err = readAll(ctx, c, keys)
		return err
	})
	return all, err
}

func readAll(ctx context.Context, c redis.Conn, keys []string) (slice[*redigoProfile], error) {
	all := make(slice[*redigoProfile], 0, len(keys))
	err := pipeline(ctx, c, keys, func(key string) error { return c.Send("HGETALL", key) }, func(_ string, reply any, err error) error {
		values, err := redis.Values(reply, err)
		if err != nil {
			return err
		}
		all = append(all, new(redigoProfile))
		return redis.ScanStruct(values, all[len(all)-1])
	})
	return all, err
}

// pipeline sends a command for each key and then reads the replies.
func pipeline(ctx context.Context, c redis.Conn, keys []string, send func(key string) error, receive func(key string, reply any, err error) error) error {
	for _, key := range keys {
		if err := send(key); err != nil {
			return err
		}
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for _, key := range keys {
		reply, err := redis.ReceiveContext(c, ctx)
		if err := receive(key, reply, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *redigo) find(ctx context.Context, city string) (found []*redigoProfile, err error) {
	err = r.with(ctx, func(c redis.Conn) error {
		for cursor := "0"; ; {
			var keys, matches []string
			page, err := redis.Values(redis.DoContext(c, ctx, "SCAN", cursor, "MATCH", hashKey("*"), "COUNT", 1000))
			if err != nil {
				return err
			}
			if _, err := redis.Scan(page, &cursor, &keys); err != nil {
				return err
			}
			if err := pipeline(ctx, c, keys, func(key string) error { return c.Send("HGET", key, "city") }, func(key string, reply any, err error) error {
				got, err := redis.String(reply, err)
				if got == city {
					matches = append(matches, key)
				}
				return err
			}); err != nil {
				return err
			}
			records, err := readAll(ctx, c, matches)
			if found = append(found, records...); err != nil || cursor == "0" {
				return err
			}
		}
	})
	return found, err
}

func (r *redigo) kvGet(ctx context.Context, id string) (*Profile, error) {
	p := new(Profile)
	return p, r.with(ctx, func(c redis.Conn) error {
		text, err := redis.Bytes(redis.DoContext(c, ctx, "GET", valueKey(id)))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, p)
	})
}

func (r *redigo) kvSet(ctx context.Context, id string, p *Profile) error {
	return r.with(ctx, func(c redis.Conn) error {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = redis.DoContext(c, ctx, "SET", valueKey(id), text, "PX", lifetime.Milliseconds())
		return err
	})
}
