package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
)

// open makes the cache that c describes, nil where it is disabled.
func (c Cache) open() *nearcache.Cache {
	if c.Disabled {
		return nil
	}
	return nearcache.New(nearcache.Config{
		MaxBytes: cmp.Or(c.MaxBytes, defaultCacheBytes),
		MaxStale: cmp.Or(c.MaxStale, defaultMaxStale),
	})
}

// openCached is open for a client whose connections tell what changes. The
// Origin is nil where the server does not know how.
func (p *plan) openCached(ctx context.Context, opt rueidis.ClientOption) (rueidis.Client, *nearcache.Origin, error) {
	if p.cache == nil {
		c, err := p.open(ctx, opt)
		return c, nil, err
	}
	origin := p.cache.NewOrigin()
	tracking := opt
	tracking.DisableCache = false
	tracking.NewCacheStoreFn = origin.NewConnection
	c, err := p.openTracking(ctx, tracking)
	if errors.Is(err, rueidis.ErrNoCache) && !refusesForNow(err) {
		c, err = p.open(ctx, opt)
		return c, nil, err
	}
	if err == nil {
		origin.Start(c)
	}
	return c, origin, err
}

// openTracking is open that fails with rueidis.ErrNoCache where the user may not
// ask for messages about single keys: rueidis would read them all the same.
func (p *plan) openTracking(ctx context.Context, opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := p.open(ctx, opt)
	if err != nil {
		return nil, err
	}
	if re, refused := rueidis.IsRedisErr(c.Do(ctx, c.B().ClientCaching().Yes().Build()).Error()); refused {
		c.Close()
		return nil, fmt.Errorf("%w: %w", rueidis.ErrNoCache, re)
	}
	return c, nil
}

// realm is the cache of one alias's records.
func (p *plan) realm(a Alias, origin *nearcache.Origin, c *client) *nearcache.Realm {
	switch {
	case p.cache == nil:
		return nil
	case origin == nil:
		return nearcache.NoRealm(p.uncached(a, c.addr))
	}
	return origin.NewRealm(c.DoMultiCache)
}

// uncached says once that repositories cannot cache.
func (p *plan) uncached(a Alias, addr string) func() {
	return func() {
		p.saidUncached.Do(func() {
			p.logger.Warn("pool: repositories with the option Cached read from the server each time, since it has no CLIENT TRACKING for this user",
				"alias", string(a), "addr", addr)
		})
	}
}

func init() {
	nearcache.RealmOf = func(pools any, alias string) *nearcache.Realm { return pools.(*Pools).realms[Alias(alias)] }
}
