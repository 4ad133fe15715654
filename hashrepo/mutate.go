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
// ends. If ctx has no deadline, no attempt begins later than Config.Timeout after
// the first was overtaken. The time that change takes is not bounded. A missing record is zero, and is created; see IfExists, IfAbsent and
// IfVersion. It gives the record that it wrote, with its new version.
//
// It sends what Get sends, and one script, which compares the texts of all
// fields that were read. The writing is atomic; the lifetime is renewed, see
// KeepTTL, and the version goes up by one, also where change altered nothing.
// Fields that T does not know stay; where T is a map or has an extra field,
// entries that change removed go.
//
// Errors: that of change, as it is, and nothing is written; ErrConflict beside
// context.DeadlineExceeded or the context's error if every attempt was overtaken;
// those of Get and Upsert.
func (r *HashRepo[T]) Mutate(ctx context.Context, id string, change func(*T) error) (T, error) {
	var v, zero T
	err := r.core.mutate(ctx, id, reflect.ValueOf(&v).Elem(), func() error { return change(&v) })
	if err != nil {
		return zero, err
	}
	return v, nil
}

func (c *core) mutate(ctx context.Context, id string, v reflect.Value, change func() error) error {
	c = &core{Store: c.OnPrimary(), plan: c.plan}
	t, err := c.BeginWrite(ctx, "Mutate", id)
	if err != nil {
		return err
	}
	var version int64
	_, err = c.again(ctx, t, nil, func() (*changes, error) {
		held, err := c.snapshot(ctx, readOnly(t))
		if err != nil {
			return nil, err
		}
		before, err := c.load(t, held, v)
		if err != nil {
			return nil, err
		}
		version = c.plan.versionIn(v)
		if err := change(); err != nil {
			return nil, err
		}
		after, err := c.texts(t, v)
		if err != nil {
			return nil, err
		}
		ch := &changes{}
		c.plan.unchanged(ch, held)
		ch.difference(before, after)
		return ch, nil
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
		return snapshot{}, t.Failed(err)
	}
	texts, err := c.plan.texts(&reply)
	if err != nil {
		return snapshot{}, t.Failed(err)
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
	if err == nil && len(values) != len(p.names) {
		err = errShort
	}
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

// load decodes a snapshot that the conditions allow, and gives the texts that
// stand for it: none for a record that is not there.
func (c *core) load(t fault.Target, held snapshot, v reflect.Value) (map[string]string, error) {
	switch {
	case c.IfExists && !held.found:
		return nil, t.NotApplied(fault.ErrNotFound)
	case c.IfAbsent && held.found:
		return nil, t.NotApplied(fault.ErrExists)
	}
	v.SetZero()
	if !held.found {
		return nil, nil
	}
	if err := c.plan.decodeTexts(maps.Clone(held.texts), v); err != nil {
		return nil, refuse(t, err)
	}
	return c.texts(t, v)
}

// texts encodes a record, by field.
func (c *core) texts(t fault.Target, v reflect.Value) (map[string]string, error) {
	r, err := c.encode(t, v)
	if err != nil {
		return nil, err
	}
	defer r.release()
	texts := make(map[string]string, len(r.pairs)/2)
	for i := 0; i < len(r.pairs); i += 2 {
		texts[r.pairs[i]] = r.pairs[i+1]
	}
	return texts, nil
}

// difference sets and clears the fields in which two encodings of a record
// differ. What is stored may be another spelling of the first, or hold more
// than T knows; where nothing changed, it stays.
func (ch *changes) difference(before, after map[string]string) {
	for name, text := range after {
		if was, ok := before[name]; !ok || was != text {
			ch.add(nil, "set", name, text)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			ch.add(nil, "clear", name)
		}
	}
}

// unchanged asks that the record is as it was read.
func (p *plan) unchanged(ch *changes, held snapshot) {
	if p.whole() {
		ch.add(nil, "size", strconv.Itoa(len(held.texts)))
		for name, text := range held.texts {
			ch.add(nil, "was", name, "1", text)
		}
		return
	}
	there := ""
	if held.found {
		there = "1"
	}
	ch.add(nil, "found", there)
	for _, name := range p.names {
		if text, ok := held.texts[name]; ok {
			ch.add(nil, "was", name, "1", text)
		} else {
			ch.add(nil, "was", name, "", "")
		}
	}
}
