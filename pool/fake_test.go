package pool_test

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/pool"
)

// fakeClients replaces rueidis.NewClient and records its clients.
type fakeClients struct {
	mu      sync.Mutex
	created []*fakeClient
	err     func(rueidis.ClientOption) error // the error of NewClient; may be nil
}

// fakeClient replies to all commands with an empty reply.
type fakeClient struct {
	rueidis.Client
	opt rueidis.ClientOption

	mu     sync.Mutex
	closes int
	ctx    context.Context // of the last call
	result rueidis.RedisResult
}

func (fs *fakeClients) NewClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	if fs.err != nil {
		if err := fs.err(opt); err != nil {
			return nil, err
		}
	}
	f := &fakeClient{opt: opt}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.created = append(fs.created, f)
	return f, nil
}

func (fs *fakeClients) all() []*fakeClient {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return append([]*fakeClient(nil), fs.created...)
}

// open returns the clients that were not closed.
func (fs *fakeClients) open() (open []*fakeClient) {
	for _, f := range fs.all() {
		if f.closed() == 0 {
			open = append(open, f)
		}
	}
	return open
}

func (f *fakeClient) B() rueidis.Builder { return rueidis.Builder{} }

func (f *fakeClient) Mode() rueidis.ClientMode { return rueidis.ClientModeStandalone }

func (f *fakeClient) Do(ctx context.Context, _ rueidis.Completed) rueidis.RedisResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx = ctx
	return f.result
}

func (f *fakeClient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ctx = ctx
	return make([]rueidis.RedisResult, len(multi))
}

func (f *fakeClient) Dedicate() (rueidis.DedicatedClient, func()) {
	return &fakeDedicated{client: f}, func() {}
}

// fakeDedicated is a dedicated connection of a fakeClient.
type fakeDedicated struct {
	rueidis.DedicatedClient
	client *fakeClient
}

func (f *fakeDedicated) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	return f.client.DoMulti(ctx, multi...)
}

func (f *fakeDedicated) Close() {}

func (f *fakeClient) DoCache(ctx context.Context, _ rueidis.Cacheable, _ time.Duration) rueidis.RedisResult {
	return f.Do(ctx, rueidis.Completed{})
}

func (f *fakeClient) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
	return f.DoMulti(ctx, make([]rueidis.Completed, len(multi))...)
}

func (f *fakeClient) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes++
}

func (f *fakeClient) closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closes
}

func (f *fakeClient) lastContext() context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ctx
}

func (f *fakeClient) setReply(r rueidis.RedisResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result = r
}

// predefined contains the predefined aliases in sorted order.
var predefined = []pool.Alias{pool.Default, pool.Expiry, pool.Handlers, pool.PubSub, pool.SharedState, pool.User}

var predefinedDatabases = map[pool.Alias]int{
	"default": 15, "user": 11, "handlers": 10, "symphony_shared_state": 9, "expiry": 8, "pubsub": 7,
}
