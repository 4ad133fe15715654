package pooltest

import (
	"context"
	"sync"

	"github.com/redis/rueidis"
)

// Deaf is a pool.Config.NewClient whose connections do not hear what Redis
// says of keys that changed: what the client-side cache knows then, this
// process told it.
func Deaf(opt rueidis.ClientOption) (rueidis.Client, error) {
	if inner := opt.NewCacheStoreFn; inner != nil {
		opt.NewCacheStoreFn = func(o rueidis.CacheStoreOption) rueidis.CacheStore { return deaf{inner(o)} }
	}
	return rueidis.NewClient(opt)
}

type deaf struct{ rueidis.CacheStore }

func (deaf) Delete([]rueidis.RedisMessage) {}

// Gate holds up what cached reads bring, after it has arrived.
type Gate struct {
	mu   sync.Mutex
	held chan struct{} // nil: open
	// Arrived gets a value for each reply that is held up.
	Arrived chan struct{}
}

// NewGate is an open Gate.
func NewGate() *Gate { return &Gate{Arrived: make(chan struct{}, 1024)} }

// Close holds replies up until the Gate is opened.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

// Open lets them go.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.held)
	g.held = nil
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
	held := c.gate.held
	c.gate.mu.Unlock()
	if held != nil {
		c.gate.Arrived <- struct{}{}
		<-held
	}
	return results
}
