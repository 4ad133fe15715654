package store

import (
	"context"
	"errors"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/clone"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
)

// RecordReader reads one record of a repository.
type RecordReader struct {
	// Type is the Go type of a record.
	Type reflect.Type
	// Format is a comparable value that identifies the type and the codec.
	Format any
	// Command returns the command that reads a key.
	Command func(key string) rueidis.Cacheable
	// Decode decodes the reply of Command. It reports whether there is a
	// record. If Ambiguous is set, false means that it cannot know.
	Decode func(t fault.Target, reply *rueidis.RedisMessage, into reflect.Value) (found bool, err error)
	// Ambiguous is set if Decode also reports false for a record that is zero.
	Ambiguous bool
	// Uncached reads a record without the cache.
	Uncached func(ctx context.Context, t fault.Target, into reflect.Value) error
}

// CachedReader reads records through the client-side cache. The value of a
// cache entry is nil if there is no record, a pointer to the record, or an
// *undecoded.
type CachedReader struct {
	*Store
	RecordReader
	view *nearcache.View
	copy *clone.Type
}

// undecoded is the reply for a record whose type cannot be copied. It is
// decoded again for each caller.
type undecoded struct{ reply rueidis.RedisMessage }

// NewCachedReader returns a reader of cached records. If the options or the
// pools disable the cache, it returns nil.
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

// View returns the view of the cached records. It returns nil if c is nil.
func (c *CachedReader) View() *nearcache.View {
	if c == nil {
		return nil
	}
	return c.view
}

// DirectView returns the view of the cached records if an assignment is enough
// to copy a record, and nil otherwise. It returns nil if c is nil.
func (c *CachedReader) DirectView() *nearcache.View {
	if c == nil || !c.copy.Shallow() {
		return nil
	}
	return c.view
}

// CachedGet returns a copy of one record, from the cache or from Redis. If it
// does not exist, CachedGet returns [fault.ErrNotFound].
func CachedGet[T any](ctx context.Context, c *CachedReader, op, id string) (T, error) {
	var v, zero T
	l, value, err := c.value(ctx, op, id)
	if err == nil {
		err = c.copyTo(l, value, reflect.ValueOf(&v).Elem())
	}
	if err != nil {
		return zero, err
	}
	return v, nil
}

// CachedShared is like [CachedGet], but returns the cached record itself, which
// all callers share and must not change. A record whose type cannot be copied
// is decoded for each call.
func CachedShared[T any](ctx context.Context, c *CachedReader, op, id string) (*T, error) {
	l, value, err := c.value(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if v, ok := value.(*T); ok {
		return v, nil
	}
	v := new(T)
	if err := c.copyTo(l, value, reflect.ValueOf(v).Elem()); err != nil {
		return nil, err
	}
	return v, nil
}

// GetMany reads records. It reads those that are not cached in one round trip,
// or in two if the replies are ambiguous. found[i] reports whether ids[i] has a
// record. The error joins those of the records that could not be read. If an id
// is invalid or ctx has ended, GetMany sends nothing and returns that error.
func (c *CachedReader) GetMany(ctx context.Context, op string, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
	lookups := make([]lookup, len(ids))
	for i, id := range ids {
		if lookups[i], err = c.find(ctx, op, id); err != nil {
			return nil, err
		}
	}
	var leads []lookup
	for i, id := range ids {
		if c.join(&lookups[i], id); lookups[i].leads {
			leads = append(leads, lookups[i])
		}
	}
	c.load(ctx, leads)
	return c.collect(ctx, lookups, into)
}

// collect waits for all lookups and copies their records.
func (c *CachedReader) collect(ctx context.Context, lookups []lookup, into func(i int) reflect.Value) (found []bool, err error) {
	found = make([]bool, len(lookups))
	var errs []error
	for i, l := range lookups {
		value, err := c.wait(ctx, l)
		if err == nil && value != nil {
			err = c.copyTo(l, value, into(i))
			found[i] = err == nil
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return found, fault.Join(errs...)
}

// copyTo copies a cached value into a record of the caller.
func (c *CachedReader) copyTo(l lookup, value any, into reflect.Value) error {
	switch v := value.(type) {
	case nil:
		return l.withKey().NotApplied(fault.ErrNotFound)
	case *undecoded:
		_, err := c.Decode(l.withKey(), &v.reply, into)
		return err
	}
	c.copy.Copy(into, reflect.ValueOf(value).Elem())
	return nil
}

// value returns the cached value of a record. If there is none, it reads the
// record.
func (c *CachedReader) value(ctx context.Context, op, id string) (lookup, any, error) {
	l, err := c.find(ctx, op, id)
	if err != nil {
		return l, nil, err
	}
	c.join(&l, id)
	if l.leads {
		c.load(ctx, []lookup{l})
	}
	value, err := c.wait(ctx, l)
	return l, value, err
}

// lookup is the search for one record: an entry of the cache, or a load.
type lookup struct {
	target fault.Target // without the key if entry is not nil
	entry  *nearcache.Entry
	load   *nearcache.Load // if entry is nil
	leads  bool            // this call executes the load
}

// withKey returns the target with the key, which an entry has to build.
func (l lookup) withKey() fault.Target {
	t := l.target
	if l.entry != nil {
		t.Key = l.entry.Key()
	}
	return t
}

// find looks for the record in the cache. If it is not there, find checks that
// the record can be read.
func (c *CachedReader) find(ctx context.Context, op, id string) (lookup, error) {
	if e := c.view.Find(id); e != nil {
		return lookup{target: fault.Target{Op: op, Pool: c.Alias}, entry: e}, nil
	}
	t, err := c.Begin(ctx, op, id)
	return lookup{target: t}, err
}

// join joins a load of the record that is in progress, or starts one, unless
// find found an entry.
func (c *CachedReader) join(l *lookup, id string) {
	if l.entry == nil {
		l.load, l.leads, l.entry = c.view.JoinOrStart(l.target.Key, id)
	}
}

// wait returns the value of the entry, or waits for the load. If the load of
// another caller failed, it reads without the cache, because the cause may not
// apply to this call.
func (c *CachedReader) wait(ctx context.Context, l lookup) (any, error) {
	if l.entry != nil {
		return l.entry.Value(), nil
	}
	value, err := l.load.Wait(ctx)
	if err == nil || l.leads {
		return value, err
	}
	if ctx.Err() != nil {
		return nil, l.target.Failed(err)
	}
	return c.uncached(ctx, l.target)
}

// uncached reads the record without the cache, over any connection. It removes
// the key from the cache: an entry may be older than this read, because its
// invalidation arrives on another connection.
func (c *CachedReader) uncached(ctx context.Context, t fault.Target) (any, error) {
	v := reflect.New(c.Type)
	err := c.Uncached(ctx, t, v.Elem())
	c.realm.Forget(t.Key)
	if errors.Is(err, fault.ErrNotFound) {
		return nil, nil
	}
	return v.Interface(), err
}
