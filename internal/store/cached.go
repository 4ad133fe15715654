package store

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/clone"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
)

// Reads is how a kind of repository reads one record.
type RecordReader struct {
	// Type is the Go type of a record.
	Type reflect.Type
	// Shape stands for the type and the codec, in comparable form.
	Format any
	// Command reads a key.
	Command func(key string) rueidis.Cacheable
	// Decode reads its reply. It reports false where there is no record, or
	// where Vague.
	Decode func(t fault.Target, reply *rueidis.RedisMessage, into reflect.Value) (found bool, err error)
	// Vague says that a record may be there although Decode reports false. It is
	// zero then.
	Ambiguous bool
	// Uncached reads a record as if there were no cache.
	Uncached func(ctx context.Context, t fault.Target, into reflect.Value) error
}

// Cached reads records through the client-side cache. An entry's value is nil
// for no record, a pointer to the record, or undecoded.
type CachedReader struct {
	*Store
	RecordReader
	view *nearcache.View
	copy *clone.Type
}

// undecoded is a record whose type cannot be copied: it is decoded for each
// reader anew.
type undecoded struct{ reply rueidis.RedisMessage }

// CachedReads gives what reads records through the cache; nil where the options or
// the pools say that nothing is cached.
func (s *Store) NewCachedReader(r RecordReader) *CachedReader {
	if s.err != nil || s.Cached == 0 {
		return nil
	}
	view := s.realm.View(s.space, r.Format, s.Cached)
	if view == nil {
		return nil
	}
	return &CachedReader{s, r, view, clone.Of(r.Type)}
}

// Flat is where to look first for records that an assignment copies; nil where
// there are none.
func (c *CachedReader) DirectView() *nearcache.View {
	if c == nil || !c.copy.Shallow() {
		return nil
	}
	return c.view
}

// CachedGet reads one record.
func CachedGet[T any](ctx context.Context, c *CachedReader, op, id string) (T, error) {
	var v, zero T
	t, value, err := c.value(ctx, op, id)
	if err == nil {
		err = c.copyTo(t, value, reflect.ValueOf(&v).Elem())
	}
	if err != nil {
		return zero, err
	}
	return v, nil
}

// CachedShared is CachedGet without the copy: what all who ask are given.
func CachedShared[T any](ctx context.Context, c *CachedReader, op, id string) (*T, error) {
	t, value, err := c.value(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if v, ok := value.(*T); ok {
		return v, nil
	}
	v := new(T)
	if err := c.copyTo(t, value, reflect.ValueOf(v).Elem()); err != nil {
		return nil, err
	}
	return v, nil
}

// give makes a record the caller's own.
func (c *CachedReader) copyTo(t fault.Target, value any, into reflect.Value) error {
	switch v := value.(type) {
	case nil:
		return t.NotApplied(fault.ErrNotFound)
	case *undecoded:
		_, err := c.Decode(t, &v.reply, into)
		return err
	}
	c.copy.Copy(into, reflect.ValueOf(value).Elem())
	return nil
}

// value gives what is in memory, or reads it.
func (c *CachedReader) value(ctx context.Context, op, id string) (fault.Target, any, error) {
	a, err := c.find(ctx, op, id)
	if err != nil {
		return a.target, nil, err
	}
	c.join(&a, id)
	if a.leads {
		c.load(ctx, []lookup{a})
	}
	value, err := c.wait(ctx, a)
	return a.target, value, err
}

// arrival is a record that is asked for: in memory, or on its way.
type lookup struct {
	target fault.Target
	entry  *nearcache.Entry
	load   *nearcache.Load // where entry is nil
	leads  bool            // the load is this caller's
}

// find looks into memory, and refuses what cannot be read.
func (c *CachedReader) find(ctx context.Context, op, id string) (lookup, error) {
	if e := c.view.Find(id); e != nil {
		return lookup{target: fault.Target{Op: op, Pool: c.Alias, Key: e.Key()}, entry: e}, nil
	}
	t, err := c.Begin(ctx, op, id)
	return lookup{target: t}, err
}

// join begins the read of what find did not find, or joins one.
func (c *CachedReader) join(a *lookup, id string) {
	if a.entry == nil {
		a.load, a.leads, a.entry = c.view.Load(a.target.Key, id)
	}
}

// wait gives what a read brings. What made another's fail need not hold here.
func (c *CachedReader) wait(ctx context.Context, a lookup) (any, error) {
	if a.entry != nil {
		return a.entry.Value(), nil
	}
	value, err := a.load.Wait(ctx)
	if err == nil || a.leads {
		return value, err
	}
	if ctx.Err() != nil {
		return nil, a.target.Failed(err)
	}
	return c.uncached(ctx, a.target)
}

// uncached reads past the cache, over any connection. What is kept may be older
// until Redis has said so on its own connection, and goes.
func (c *CachedReader) uncached(ctx context.Context, t fault.Target) (any, error) {
	v := reflect.New(c.Type)
	err := c.Uncached(ctx, t, v.Elem())
	c.realm.Forget(t.Key)
	if errors.Is(err, fault.ErrNotFound) {
		return nil, nil
	}
	return v.Interface(), err
}

var errAbandoned = errors.New("the read was broken off")

// lead reads in one round trip, in another for the records of which the first
// does not tell whether they are there, and once more past the cache what
// changed between the two, and what rueidis gave up with its connection.
func (c *CachedReader) load(ctx context.Context, as []lookup) {
	defer func() {
		for _, a := range as {
			a.load.Fail(errAbandoned)
		}
	}()
	vague, aborted := c.fetch(ctx, as, c.Command, c.takeRecord)
	changed, more := c.fetch(ctx, vague, c.lifetimeCommand, c.takeLifetime)
	var wg sync.WaitGroup
	for _, a := range slices.Concat(aborted, changed, more) {
		wg.Go(func() { c.readUncached(ctx, a) })
	}
	wg.Wait()
}

// ask sends a command for each read, and takes the replies. Those that take
// reports false for come back, and so do those that are to be read anew.
func (c *CachedReader) fetch(
	ctx context.Context, as []lookup, command func(key string) rueidis.Cacheable, take func(lookup, rueidis.RedisMessage) bool,
) (vague, aborted []lookup) {
	if len(as) == 0 {
		return nil, nil
	}
	cmds := make([]rueidis.CacheableTTL, len(as))
	for i, a := range as {
		cmds[i] = rueidis.CT(command(a.target.Key), c.Store.Settings.Cached)
	}
	for i, result := range c.view.Fetch(ctx, cmds...) {
		a := as[i]
		switch reply, err := result.ToMessage(); {
		case errors.Is(err, rueidis.ErrDoCacheAborted):
			aborted = append(aborted, a)
		case err != nil && !rueidis.IsRedisNil(err):
			a.load.Fail(a.target.Failed(err))
		default:
			a.load.Heard()
			if !take(a, reply) {
				vague = append(vague, a)
			}
		}
	}
	return vague, aborted
}

// arrived takes what Command brought. It reports false where that does not tell
// whether there is a record.
func (c *CachedReader) takeRecord(a lookup, reply rueidis.RedisMessage) bool {
	value := reflect.New(c.Type)
	found, err := c.Decode(a.target, &reply, value.Elem())
	switch {
	case err != nil:
		a.load.Fail(err)
	case found:
		c.keep(a, value, reply)
	case c.Ambiguous:
		return false
	default:
		a.load.Keep(nil, 0, -1)
	}
	return true
}

// lifetime asks whether a key is there that brought nothing.
func (c *CachedReader) lifetimeCommand(key string) rueidis.Cacheable {
	return c.Client.B().Pttl().Key(key).Cache()
}

// settled takes what lifetime brought. Where nothing changed since the first
// reply, a key that is there is a zero record; otherwise it is read anew.
func (c *CachedReader) takeLifetime(a lookup, reply rueidis.RedisMessage) bool {
	ms, err := reply.ToInt64()
	switch {
	case err != nil:
		a.load.Fail(a.target.Failed(err))
	case !Lifetime(reply):
		a.load.Fail(a.target.Failed(ErrShape))
	case ms == -2:
		a.load.Keep(nil, 0, -1)
	case a.load.Sound():
		c.keep(a, reflect.New(c.Type), reply)
	default:
		return false
	}
	return true
}

// pass ends a read past the cache.
func (c *CachedReader) readUncached(ctx context.Context, a lookup) {
	value, err := c.uncached(ctx, a.target)
	if err != nil {
		a.load.Fail(err)
		return
	}
	a.load.Pass(value)
}

// keep ends a read that brought a record.
func (c *CachedReader) keep(a lookup, value reflect.Value, reply rueidis.RedisMessage) {
	ttl := time.Duration(-1)
	if ms := reply.CachePTTL(); ms >= 0 {
		ttl = duration.FromMilliseconds(ms)
	}
	if c.copy.Shallow() || c.copy.Copy(reflect.New(c.Type).Elem(), value.Elem()) {
		a.load.Keep(value.Interface(), c.copy.Size(value.Elem()), ttl)
		return
	}
	a.load.Keep(&undecoded{reply}, replySize(&reply), ttl)
}

// replySize is about the memory of a reply.
func replySize(reply *rueidis.RedisMessage) int {
	const message = 48
	size := message
	if text, err := reply.ToString(); err == nil {
		return size + len(text) + len(text)/8 + 8
	}
	if fields, err := reply.AsMap(); err == nil {
		for name, value := range fields {
			size += message + len(name) + len(name)/8 + replySize(&value)
		}
		return size
	}
	values, _ := reply.ToArray()
	for i := range values {
		size += replySize(&values[i])
	}
	return size
}

// GetMany reads records in one round trip, those that are not in memory.
// found[i] tells of ids[i]; the error joins those of the records that could
// not be read.
func (c *CachedReader) GetMany(ctx context.Context, op string, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
	as := make([]lookup, len(ids))
	for i, id := range ids {
		if as[i], err = c.find(ctx, op, id); err != nil {
			return nil, err
		}
	}
	var leads []lookup
	for i, id := range ids {
		if c.join(&as[i], id); as[i].leads {
			leads = append(leads, as[i])
		}
	}
	c.load(ctx, leads)
	return c.collect(ctx, as, into)
}

func (c *CachedReader) collect(ctx context.Context, as []lookup, into func(i int) reflect.Value) (found []bool, err error) {
	found = make([]bool, len(as))
	var errs []error
	for i, a := range as {
		value, err := c.wait(ctx, a)
		if err == nil && value != nil {
			err = c.copyTo(a.target, value, into(i))
			found[i] = err == nil
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return found, errors.Join(errs...)
}
