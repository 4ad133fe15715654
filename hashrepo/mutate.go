package hashrepo

import (
	"context"
	"maps"
	"reflect"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Mutate reads a record, lets change alter it, and writes the fields that are
// others then, if nobody wrote to T's fields meanwhile. Otherwise it begins
// anew, after a random pause: change is called again, on fresh data, until ctx
// ends. A missing record is zero, and is created; see IfExists, IfAbsent and
// IfVersion. It gives the record that it wrote, with its new version.
//
// It sends what Get sends, and one script, which compares the texts of all
// fields that were read. The writing is atomic; the lifetime is renewed, see
// KeepTTL, and the version goes up by one, also where change altered nothing.
// Fields that T does not know stay; where T is a map or has an extra field,
// entries that change removed go.
//
// Errors: that of change, as it is, and nothing is written; ErrConflict beside
// the context's error where ctx ended; those of Get and Upsert.
func (r *HashRepo[T]) Mutate(ctx context.Context, id string, change func(*T) error) (T, error) {
	var v, zero T
	err := r.core.mutate(ctx, id, reflect.ValueOf(&v).Elem(), func() error { return change(&v) })
	if err != nil {
		return zero, err
	}
	return v, nil
}

func (c *core) mutate(ctx context.Context, id string, v reflect.Value, change func() error) error {
	t, err := c.BeginWrite(ctx, "Mutate", id)
	if err != nil {
		return err
	}
	var version int64
	_, err = c.again(ctx, t, nil, func() (*changes, error) {
		before, err := c.snapshot(ctx, readOnly(t))
		if err != nil {
			return nil, err
		}
		if err := c.load(t, before, v); err != nil {
			return nil, err
		}
		version = c.plan.versionIn(v)
		if err := change(); err != nil {
			return nil, err
		}
		return c.difference(t, before, v)
	})
	if err == nil && c.plan.version != nil {
		c.plan.version.in(v).SetInt(version + 1)
	}
	return err
}

// snapshot is a record as Redis holds it.
type snapshot struct {
	found bool
	texts map[string]string // of the fields that were read
}

func (c *core) snapshot(ctx context.Context, t fault.Target) (snapshot, error) {
	reply, err := c.Client.Do(ctx, c.readCommand(t.Key)).ToMessage()
	if err != nil {
		return snapshot{}, t.Sent(err)
	}
	texts, err := c.plan.texts(&reply)
	if err != nil {
		return snapshot{}, t.Sent(err)
	}
	if len(texts) > 0 || c.plan.whole() {
		return snapshot{len(texts) > 0, texts}, nil
	}
	reply, found, err := c.existing(ctx, t)
	if err != nil || !found {
		return snapshot{}, err
	}
	texts, err = c.plan.texts(&reply)
	return snapshot{true, texts}, err
}

// texts reads a reply to readCommand.
func (p *plan) texts(reply *rueidis.RedisMessage) (map[string]string, error) {
	if p.whole() {
		return reply.AsStrMap()
	}
	values, err := reply.ToArray()
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(values))
	for i := range values {
		if values[i].IsNil() {
			continue
		}
		if texts[p.names[i]], err = values[i].ToString(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// load decodes a snapshot that the conditions allow.
func (c *core) load(t fault.Target, before snapshot, v reflect.Value) error {
	switch {
	case c.IfExists && !before.found:
		return t.Refuse(fault.ErrNotFound)
	case c.IfAbsent && before.found:
		return t.Refuse(fault.ErrExists)
	}
	v.SetZero()
	if !before.found {
		return nil
	}
	return refuse(t, c.plan.decodeTexts(maps.Clone(before.texts), v))
}

// difference is what turns a snapshot into v, provided that the record is
// still as it was.
func (c *core) difference(t fault.Target, before snapshot, v reflect.Value) (*changes, error) {
	r, err := c.encode(t, v)
	if err != nil {
		return nil, err
	}
	defer r.release()
	ch := &changes{}
	c.plan.unchanged(ch, before)
	gone := before.texts
	for i := 0; i < len(r.pairs); i += 2 {
		name, text := r.pairs[i], r.pairs[i+1]
		if held, ok := before.texts[name]; !ok || held != text {
			ch.add(nil, "set", name, text)
		}
		delete(gone, name)
	}
	if c.plan.version != nil {
		delete(gone, c.plan.version.Name)
	}
	for name := range gone {
		if name != reserved {
			ch.add(nil, "clear", name)
		}
	}
	return ch, nil
}

// unchanged asks that the record is as it was read.
func (p *plan) unchanged(ch *changes, before snapshot) {
	there := ""
	if before.found {
		there = "1"
	}
	ch.add(nil, "found", there)
	if p.whole() {
		ch.add(nil, "size", strconv.Itoa(len(before.texts)))
		for name, text := range before.texts {
			ch.add(nil, "was", name, "1", text)
		}
		return
	}
	for _, name := range p.names {
		if text, ok := before.texts[name]; ok {
			ch.add(nil, "was", name, "1", text)
		} else {
			ch.add(nil, "was", name, "", "")
		}
	}
}
