package pooltest

import (
	"context"
	"sync"

	"github.com/redis/rueidis"
)

// WithoutInvalidations is a pool.Config.NewClient whose connections do not hear what Redis
// says of keys that changed: what the client-side cache knows then, this
// process told it.
func WithoutInvalidations(opt rueidis.ClientOption) (rueidis.Client, error) {
	if inner := opt.NewCacheStoreFn; inner != nil {
		opt.NewCacheStoreFn = func(o rueidis.CacheStoreOption) rueidis.CacheStore { return withoutInvalidations{inner(o)} }
	}
	return rueidis.NewClient(opt)
}

type withoutInvalidations struct{ rueidis.CacheStore }

func (withoutInvalidations) Delete([]rueidis.RedisMessage) {}

// Gate holds up what cached reads bring, after it has arrived.
type Gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil: open
	// Held gets a value for each reply that is opened up.
	Held chan struct{}
}

// NewGate is an open Gate.
func NewGate() *Gate { return &Gate{Held: make(chan struct{}, 1024)} }

// Close holds replies up until the Gate is opened.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// Open lets them go.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.opened = nil
}

// NewClient is a pool.Config.NewClient whose clients read through the Gate.
func (g *Gate) NewClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	c, err := rueidis.NewClient(opt)
	return &gated{c, g}, err
}

type gated struct {
	rueidis.Client
	gate *Gate
}

func (c *gated) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
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
