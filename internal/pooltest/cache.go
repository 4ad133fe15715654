package pooltest

import (
	"context"
	"sync"

	"github.com/redis/rueidis"
)

// WithoutInvalidations is a function for pool.Config.NewClient. Its connections
// ignore the invalidation messages of Redis, so that the client-side cache
// learns only of the changes that this process makes.
func WithoutInvalidations(opt rueidis.ClientOption) (rueidis.Client, error) {
	if newStore := opt.NewCacheStoreFn; newStore != nil {
		opt.NewCacheStoreFn = func(o rueidis.CacheStoreOption) rueidis.CacheStore { return withoutInvalidations{newStore(o)} }
	}
	return rueidis.NewClient(opt)
}

type withoutInvalidations struct{ rueidis.CacheStore }

func (withoutInvalidations) Delete([]rueidis.RedisMessage) {}

// Gate delays the replies of cached reads after they have arrived.
type Gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed by Open; nil while the gate is open

	// Held receives a value for each reply that the closed gate delays.
	Held chan struct{}
}

// NewGate returns a Gate that is open.
func NewGate() *Gate { return &Gate{Held: make(chan struct{}, 1024)} }

// Close delays replies until [Gate.Open] is called.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// Open releases the delayed replies.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.opened = nil
}

// NewClient is a function for pool.Config.NewClient. Its clients read through
// the gate.
func (g *Gate) NewClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := rueidis.NewClient(opt)
	return &gatedClient{c, g}, err
}

type gatedClient struct {
	rueidis.Client
	gate *Gate
}

func (c *gatedClient) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
	results := c.Client.DoMultiCache(ctx, multi...)
	c.gate.mu.Lock()
	opened := c.gate.opened
	c.gate.mu.Unlock()
	if opened != nil {
		c.gate.Held <- struct{}{}
		<-opened
	}
	return results
}
