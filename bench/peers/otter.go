package peers

import (
	"context"

	"github.com/maypok86/otter/v2"
)

// local is an in-memory cache without invalidation: otter as its README shows
// it (a size, ExpiryWriting, Get with a loader), with handwritten reads and
// writes. Many programs use such a cache instead of one that Redis invalidates.
type local struct {
	hand  *hand
	cache *otter.Cache[string, *Profile]
}

func newLocal(h *hand, records int) (*local, error) {
	cache, err := otter.New(&otter.Options[string, *Profile]{
		MaximumSize:      2 * records,
		ExpiryCalculator: otter.ExpiryWriting[string, *Profile](cacheFor),
	})
	return &local{h, cache}, err
}

func (l *local) library() library[Profile] {
	load := otter.LoaderFunc[string, *Profile](func(ctx context.Context, id string) (*Profile, error) {
		p, err := decode(l.hand.c.Do(ctx, l.hand.read(id)))
		return &p, err
	})
	return library[Profile]{
		name:    "otter",
		how:     map[string]string{CachedGet: "Cache.Get with a loader, and a copy of the struct; dropped after an own write, blind to those of others"},
		from:    func(_ string, p Profile) Profile { return p },
		profile: func(p Profile) Profile { return p },
		key:     hashKey,
		upsert: func(ctx context.Context, id string, p Profile) error {
			defer l.cache.Invalidate(id)
			return l.hand.upsert(ctx, id, p)
		},
		cached: func(ctx context.Context, id string) (Profile, error) {
			p, err := l.cache.Get(ctx, id, load)
			if err != nil {
				return Profile{}, err
			}
			return *p, nil
		},
	}
}
