package pool_test

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/pool"
)

// fakes stands in for rueidis.NewClient and remembers what it was asked for.
type fakes struct {
	mu   sync.Mutex
	made []*fake
	err  func(rueidis.ClientOption) error // of making a client
}

// fake answers everything with an empty reply.
type fake struct {
	rueidis.Client
	opt rueidis.ClientOption

	mu     sync.Mutex
	closes int
	ctx    context.Context // of the last call
	result rueidis.RedisResult
}

func (fs *fakes) NewClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	if fs.err != nil {
		if err := fs.err(opt); err != nil {
			return nil, err
		}
	}
	f := &fake{opt: opt}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.made = append(fs.made, f)
	return f, nil
}

func (fs *fakes) all() []*fake {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return append([]*fake(nil), fs.made...)
}

// open gives the fakes that were not closed.
func (fs *fakes) open() (open []*fake) {
	for _, f := range fs.all() {
		if f.closed() == 0 {
			open = append(open, f)
		}
	}
	return open
}

func (f *fake) B() rueidis.Builder { return rueidis.Builder{} }

func (f *fake) Mode() rueidis.ClientMode { return rueidis.ClientModeStandalone }

func (f *fake) Do(ctx context.Context, _ rueidis.Completed) rueidis.RedisResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx = ctx
	return f.result
}

func (f *fake) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx = ctx
	return make([]rueidis.RedisResult, len(multi))
}

func (f *fake) DoCache(ctx context.Context, _ rueidis.Cacheable, _ time.Duration) rueidis.RedisResult {
	return f.Do(ctx, rueidis.Completed{})
}

func (f *fake) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
	return f.DoMulti(ctx, make([]rueidis.Completed, len(multi))...)
}

func (f *fake) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes++
}

func (f *fake) closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closes
}

func (f *fake) last() context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ctx
}

func (f *fake) answer(r rueidis.RedisResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result = r
}

// six are the aliases of every program, sorted, and their databases.
var six = []pool.Alias{pool.Default, pool.Expiry, pool.Handlers, pool.PubSub, pool.SharedState, pool.User}

var sixDatabases = map[pool.Alias]int{
	"default": 15, "user": 11, "handlers": 10, "symphony_shared_state": 9, "expiry": 8, "pubsub": 7,
}
