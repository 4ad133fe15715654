package peers

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/wire"
)

// hand is careful handwritten code for Profile with rueidis, which is the
// baseline. Commands and batches are as in rueidis's README ("Auto Pipelining",
// "Client-Side Caching", "Manual Pipelining"), and so are the client's options.
type hand struct{ c rueidis.Client }

func openHand(t Target, counter *wire.Counter) (*hand, error) {
	o, err := rueidis.ParseURL(t.URL)
	if err != nil {
		return nil, err
	}
	listen(&o, counter)
	c, err := rueidis.NewClient(o)
	if err != nil {
		return nil, err
	}
	return &hand{c}, nil
}

func (h *hand) Close() error {
	h.c.Close()
	return nil
}

func (h *hand) library() library[Profile] {
	return library[Profile]{
		name: "rueidis",
		how: map[string]string{
			Get: "HMGET, decoded by position by hand", Upsert: "DoMulti of MULTI, HSET, PEXPIRE, EXEC, encoded by hand",
			Update:  "DoMulti of MULTI, HSET, HINCRBY, PEXPIRE, EXEC",
			GetMany: "DoMulti of HMGETs (README, Manual Pipelining)", Find: "SCAN COUNT 1000, then DoMulti of HGETs and of HMGETs for the matches",
			KVGet: "GET and DecodeJSON (README, JSON)", KVSet: "SET PX and rueidis.JSON", CachedGet: "DoCache of HMGET, decoded by hand (README, Client-Side Caching)",
		},
		from:    func(_ string, p Profile) Profile { return p },
		profile: func(p Profile) Profile { return p },
		key:     hashKey,
		get: func(ctx context.Context, id string) (Profile, error) {
			return decode(h.c.Do(ctx, h.read(id)))
		},
		upsert: h.upsert, update: h.update, getMany: h.getMany, find: h.find, kvGet: h.kvGet, kvSet: h.kvSet,
		cached: func(ctx context.Context, id string) (Profile, error) {
			return decode(h.c.DoCache(ctx, h.c.B().Hmget().Key(hashKey(id)).Field(fields...).Cache(), cacheFor))
		},
	}
}

// cacheFor is how long the caches keep a value that does not change.
const cacheFor = time.Minute

func (h *hand) read(id string) rueidis.Completed {
	return h.c.B().Hmget().Key(hashKey(id)).Field(fields...).Build()
}

func decode(reply rueidis.RedisResult) (p Profile, err error) {
	v, err := reply.AsStrSlice()
	if err != nil {
		return p, err
	}
	p.Name, p.Email, p.City, p.Bio, p.Plan = v[0], v[1], v[2], v[3], v[4]
	if p.Score, err = strconv.ParseInt(v[5], 10, 64); err != nil {
		return p, err
	}
	if p.Level, err = strconv.ParseInt(v[6], 10, 64); err != nil {
		return p, err
	}
	if p.Logins, err = strconv.ParseInt(v[7], 10, 64); err != nil {
		return p, err
	}
	p.Active, p.Admin = v[8] == "1", v[9] == "1"
	if p.Created, err = time.Parse(time.RFC3339Nano, v[10]); err != nil {
		return p, err
	}
	p.Updated, err = time.Parse(time.RFC3339Nano, v[11])
	return p, err
}

func (h *hand) upsert(ctx context.Context, id string, p Profile) error {
	key := hashKey(id)
	return executed(h.c.DoMulti(ctx,
		h.c.B().Multi().Build(),
		h.c.B().Hset().Key(key).FieldValue().
			FieldValue("name", p.Name).FieldValue("email", p.Email).FieldValue("city", p.City).FieldValue("bio", p.Bio).FieldValue("plan", p.Plan).
			FieldValue("score", strconv.FormatInt(p.Score, 10)).FieldValue("level", strconv.FormatInt(p.Level, 10)).FieldValue("logins", strconv.FormatInt(p.Logins, 10)).
			FieldValue("active", bit(p.Active)).FieldValue("admin", bit(p.Admin)).
			FieldValue("created", p.Created.Format(time.RFC3339Nano)).FieldValue("updated", p.Updated.Format(time.RFC3339Nano)).Build(),
		h.expire(key),
		h.c.B().Exec().Build()))
}

func (h *hand) update(ctx context.Context, id, plan string, by int64) error {
	key := hashKey(id)
	return executed(h.c.DoMulti(ctx,
		h.c.B().Multi().Build(),
		h.c.B().Hset().Key(key).FieldValue().FieldValue("plan", plan).Build(),
		h.c.B().Hincrby().Key(key).Field("score").Increment(by).Build(),
		h.expire(key),
		h.c.B().Exec().Build()))
}

func (h *hand) expire(key string) rueidis.Completed {
	return h.c.B().Pexpire().Key(key).Milliseconds(lifetime.Milliseconds()).Build()
}

// executed returns the error of a transaction.
func executed(results []rueidis.RedisResult) error {
	replies, err := results[len(results)-1].ToArray()
	if err != nil {
		return err
	}
	for i := range replies {
		if err := replies[i].Error(); err != nil {
			return err
		}
	}
	return nil
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (h *hand) getMany(ctx context.Context, ids []string) (list[Profile], error) {
	commands := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		commands[i] = h.read(id)
	}
	return h.decodeAll(ctx, commands)
}

func (h *hand) decodeAll(ctx context.Context, commands rueidis.Commands) (slice[Profile], error) {
	all := make(slice[Profile], len(commands))
	for i, reply := range h.c.DoMulti(ctx, commands...) {
		var err error
		if all[i], err = decode(reply); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// find reads the field of a page of keys at once, and then the records that
// match.
func (h *hand) find(ctx context.Context, city string) (found []Profile, err error) {
	for cursor := uint64(0); ; {
		page, err := h.c.Do(ctx, h.c.B().Scan().Cursor(cursor).Match(hashKey("*")).Count(1000).Build()).AsScanEntry()
		if err != nil {
			return nil, err
		}
		probes := make(rueidis.Commands, len(page.Elements))
		for i, key := range page.Elements {
			probes[i] = h.c.B().Hget().Key(key).Field("city").Build()
		}
		var reads rueidis.Commands
		for i, reply := range h.c.DoMulti(ctx, probes...) {
			if got, err := reply.ToString(); err != nil {
				return nil, err
			} else if got == city {
				reads = append(reads, h.c.B().Hmget().Key(page.Elements[i]).Field(fields...).Build())
			}
		}
		if len(reads) > 0 {
			matches, err := h.decodeAll(ctx, reads)
			if err != nil {
				return nil, err
			}
			found = append(found, matches...)
		}
		if cursor = page.Cursor; cursor == 0 {
			return found, nil
		}
	}
}

func valueKey(id string) string { return Mark + ":json:" + id }

func (h *hand) kvGet(ctx context.Context, id string) (p Profile, err error) {
	err = h.c.Do(ctx, h.c.B().Get().Key(valueKey(id)).Build()).DecodeJSON(&p)
	return p, err
}

func (h *hand) kvSet(ctx context.Context, id string, p Profile) error {
	return h.c.Do(ctx, h.c.B().Set().Key(valueKey(id)).Value(rueidis.JSON(p)).Px(lifetime).Build()).Error()
}
