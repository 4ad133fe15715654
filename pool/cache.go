package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
)

// open returns the cache that c describes, or nil if it is disabled.
func (c Cache) open() *nearcache.Cache {
	if c.Disabled {
		return nil
	}
	return nearcache.New(nearcache.Config{
		MaxBytes: cmp.Or(c.MaxBytes, defaultCacheMaxBytes),
		MaxStale: cmp.Or(c.MaxStale, defaultCacheMaxStale),
	})
}

// openCached opens a client whose connections report changes to the cache. The
// origin is nil if the cache is disabled or the server has no client tracking.
func (p *plan) openCached(ctx context.Context, opt rueidis.ClientOption, newClient newClientFunc) (rueidis.Client, *nearcache.Origin, error) {
	if p.cache == nil {
		c, err := p.open(ctx, opt, newClient)
		return c, nil, err
	}
	origin := p.cache.NewOrigin()
	tracking := opt
	tracking.DisableCache = false
	tracking.NewCacheStoreFn = origin.NewConnection
	c, err := p.openTracking(ctx, tracking, newClient)
	if errors.Is(err, rueidis.ErrNoCache) && !isTemporaryRefusal(err) {
		c, err = p.open(ctx, opt, newClient)
		return c, nil, err
	}
	if err == nil {
		origin.SetClient(c)
	}
	return c, origin, err
}

// openTracking opens a client with client tracking. It returns
// rueidis.ErrNoCache if the user may not run CLIENT CACHING: rueidis would
// otherwise send cached reads whose changes are not reported.
func (p *plan) openTracking(ctx context.Context, opt rueidis.ClientOption, newClient newClientFunc) (rueidis.Client, error) {
	c, err := p.open(ctx, opt, newClient)
	if err != nil {
		return nil, err
	}
	if re, refused := rueidis.IsRedisErr(c.Do(ctx, c.B().ClientCaching().Yes().Build()).Error()); refused {
		c.Close()
		return nil, fmt.Errorf("%w: %w", rueidis.ErrNoCache, re)
	}
	return c, nil
}

// realm returns the cache of one alias's records, or nil if the cache is
// disabled.
func (p *plan) realm(a Alias, origin *nearcache.Origin, c *client) *nearcache.Realm {
	switch {
	case p.cache == nil:
		return nil
	case origin == nil:
		return nearcache.NewUnavailableRealm(p.logUncached(a, c.server.addr))
	}
	return origin.NewRealm(c.DoMultiCache)
}

// logUncached returns a function that logs, once for all aliases, that
// repositories cannot cache.
func (p *plan) logUncached(a Alias, addr string) func() {
	return func() {
		p.logUncachedOnce.Do(func() {
			p.logger.Warn("pool: client-side caching is off, because the server or its user has no CLIENT TRACKING; repositories with the option Cached read from the server each time",
				"alias", string(a), "addr", addr)
		})
	}
}

func init() {
	nearcache.RealmOf = func(pools any, alias string) *nearcache.Realm { return pools.(*Pools).realms[Alias(alias)] }
}
