package store

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
)

// errAbandoned is the error of a load that ended without a result.
var errAbandoned = errors.New("the read ended without a result")

// load reads the records of loads that this call executes. It needs one round
// trip, and a second one if the replies are ambiguous. It then reads without
// the cache the records that changed between the two, and those whose read
// rueidis aborted.
func (c *CachedReader) load(ctx context.Context, lookups []lookup) {
	defer func() {
		for _, l := range lookups {
			l.load.Fail(errAbandoned)
		}
	}()
	ambiguous, aborted := c.fetch(ctx, lookups, c.Command, c.takeRecord)
	changed, abortedLater := c.fetch(ctx, ambiguous, c.lifetimeCommand, c.takeLifetime)
	var wg sync.WaitGroup
	for _, l := range slices.Concat(aborted, changed, abortedLater) {
		wg.Go(func() { c.readUncached(ctx, l) })
	}
	wg.Wait()
}

// fetch sends one command for each lookup and passes each reply to take. It
// returns the lookups for which take reported false, and those whose read was
// aborted.
func (c *CachedReader) fetch(
	ctx context.Context, lookups []lookup, command func(key string) rueidis.Cacheable, take func(lookup, rueidis.RedisMessage) bool,
) (ambiguous, aborted []lookup) {
	if len(lookups) == 0 {
		return nil, nil
	}
	cmds := make([]rueidis.CacheableTTL, len(lookups))
	for i, l := range lookups {
		cmds[i] = rueidis.CT(command(l.target.Key), c.Store.Settings.Cached)
	}
	for i, result := range c.view.Fetch(lookups[0].target.In(ctx), cmds...) {
		l := lookups[i]
		switch reply, err := result.ToMessage(); {
		case errors.Is(err, rueidis.ErrDoCacheAborted):
			aborted = append(aborted, l)
		case err != nil && !rueidis.IsRedisNil(err):
			l.load.Fail(l.target.Failed(err))
		default:
			l.load.Confirm()
			if !take(l, reply) {
				ambiguous = append(ambiguous, l)
			}
		}
	}
	return ambiguous, aborted
}

// takeRecord handles the reply of RecordReader.Command. It reports false if the
// reply does not show whether the record exists.
func (c *CachedReader) takeRecord(l lookup, reply rueidis.RedisMessage) bool {
	value := reflect.New(c.Type)
	found, err := c.Decode(l.target, &reply, value.Elem())
	switch {
	case err != nil:
		l.load.Fail(err)
	case found:
		c.keep(l, value, reply)
	case c.Ambiguous:
		return false
	default:
		l.load.Cache(nil, 0, -1)
	}
	return true
}

// lifetimeCommand returns the command that shows whether a key exists.
func (c *CachedReader) lifetimeCommand(key string) rueidis.Cacheable {
	return c.Client.B().Pttl().Key(key).Cache()
}

// takeLifetime handles the reply of lifetimeCommand, for a key without values.
// If nothing has changed since the first reply, an existing key is a record of
// zero values. Otherwise it reports false, and the record must be read again.
func (c *CachedReader) takeLifetime(l lookup, reply rueidis.RedisMessage) bool {
	ms, err := reply.ToInt64()
	switch {
	case err != nil:
		l.load.Fail(l.target.Failed(err))
	case !Lifetime(reply):
		l.load.Fail(l.target.Failed(ErrShape))
	case ms == -2:
		l.load.Cache(nil, 0, -1)
	case l.load.Current():
		c.keep(l, reflect.New(c.Type), reply)
	default:
		return false
	}
	return true
}

// readUncached ends a load with a read without the cache.
func (c *CachedReader) readUncached(ctx context.Context, l lookup) {
	value, err := c.uncached(ctx, l.target)
	if err != nil {
		l.load.Fail(err)
		return
	}
	l.load.Deliver(value)
}

// keep ends a load that found a record, and caches the record.
func (c *CachedReader) keep(l lookup, value reflect.Value, reply rueidis.RedisMessage) {
	ttl := time.Duration(-1)
	if ms := reply.CachePTTL(); ms >= 0 {
		ttl = duration.FromMilliseconds(ms)
	}
	if c.copy.Shallow() || c.copy.Copy(reflect.New(c.Type).Elem(), value.Elem()) {
		l.load.Cache(value.Interface(), c.copy.Size(value.Elem()), ttl)
		return
	}
	l.load.Cache(&undecoded{reply}, replySize(&reply), ttl)
}

// replySize estimates the memory of a reply.
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
