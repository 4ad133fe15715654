package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/keyspace"
)

// Pools holds a client for each alias. It is made by Open and used by any
// number of goroutines at once; which aliases it has does not change.
type Pools struct {
	clients        map[Alias]*client
	prefixes       map[Alias]string
	fieldLifetimes map[Alias]bool
	realms         map[Alias]*nearcache.Realm
	cache          *nearcache.Cache
	opened         []rueidis.Client // each once
	replicas       []*replicas
	layout         keyspace.Layout
	maxValueBytes  int
	maxDecoded     int
	deadline       *deadline
	closed         atomic.Bool
	closing        sync.Once
}

// Open connects every alias of cfg, side by side, and returns once each has
// answered PING. It gives up when ctx ends, or after Config.Timeout if ctx has
// no deadline. A server that refuses commands for now (LOADING, MASTERDOWN,
// CLUSTERDOWN, TRYAGAIN, BUSY) is tried again until then, with one log line; a
// service that starts together with a large Redis gives ctx the time that it
// takes to load. Other failures come at once: no server, a wrong password, an
// unknown database, a missing right.
//
// The mistakes in cfg come back all at once, a *ConfigError each, and then
// nothing is contacted. An alias that does not answer is a *ConnectError; they
// are joined too, and all connections are closed again.
func Open(ctx context.Context, cfg Config) (*Pools, error) {
	plan, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	if plan.ignoredDB != nil {
		plan.logger.Warn("pool: the database number in Config.URL is ignored, since each alias has its own; Config.Databases and Config.URLs change it",
			"database", *plan.ignoredDB)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, plan.timeout)
		defer cancel()
	}
	return plan.connect(ctx)
}

// Client gives the client of an alias, for the commands that the repositories
// lack. It differs from one of rueidis in this: a Do, DoMulti, DoCache or
// DoMultiCache whose context has no deadline gets that of Config.Timeout, and
// ends with context.DeadlineExceeded, or with the failure of its last retry;
// it counts for Stats; and its Close does nothing, since Close of the Pools
// closes it. Its nodes and dedicated connections are the same.
//
// Blocking commands (BLPOP, XREAD BLOCK and so on, and a DoMulti with one of
// them), Receive and the streams get no deadline: they end with their context.
// DoCache and DoMultiCache ask the server each time: what is cached are the
// records of repositories. Keys begin with [Pools.Prefix]. Helpers of rueidis
// that look for its own client types, such as rueidis.MGet, send a command for
// each key.
//
// An alias that is not there is ErrUnknownPool. After Close it is ErrClosed,
// from this method and from the clients it gave.
func (p *Pools) Client(a Alias) (rueidis.Client, error) {
	if p.closed.Load() {
		return nil, ErrClosed
	}
	c, ok := p.clients[a]
	if !ok {
		return nil, fmt.Errorf("%w: %q is none of %s", ErrUnknownPool, string(a), joinAliases(p.Aliases()))
	}
	return c, nil
}

// Aliases gives the aliases there are, sorted.
func (p *Pools) Aliases() []Alias { return slices.Sorted(maps.Keys(p.clients)) }

// Prefix is what precedes every key of an alias: the alias and a colon with
// Config.PrefixKeys and on a cluster, otherwise nothing.
func (p *Pools) Prefix(a Alias) string { return p.prefixes[a] }

// SupportsFieldTTL reports whether the server of an alias has lifetimes of hash
// fields (HPEXPIRE: Redis 7.4, Valkey 9). Open found out.
func (p *Pools) SupportsFieldTTL(a Alias) bool { return p.fieldLifetimes[a] }

// Layout is the key layout of the repositories on these pools.
func (p *Pools) Layout() keyspace.Layout { return p.layout }

// MaxValueBytes is the size of the largest value that a repository sends.
func (p *Pools) MaxValueBytes() int { return p.maxValueBytes }

// MaxDecodedBytes is how much memory the reading of one value may take.
func (p *Pools) MaxDecodedBytes() int { return p.maxDecoded }

// Timeout is the deadline of a round trip whose context has none.
func (p *Pools) Timeout() time.Duration { return p.deadline.timeout }

// Ping sends PING to every alias, side by side; on a cluster it is enough that
// one node answers. Aliases that do not answer are a *ConnectError each,
// joined. It is ErrClosed after Close.
func (p *Pools) Ping(ctx context.Context) error {
	if p.closed.Load() {
		return ErrClosed
	}
	aliases := p.Aliases()
	errs := make([]error, len(aliases))
	var wg sync.WaitGroup
	for i, a := range aliases {
		wg.Go(func() {
			c := p.clients[a]
			if err := ping(ctx, c); err != nil {
				errs[i] = connectError(a, c.addr, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Stats gives the counters of every alias since Open. It works after Close.
func (p *Pools) Stats() map[Alias]Stats {
	all := make(map[Alias]Stats, len(p.clients))
	for a, c := range p.clients {
		all[a] = c.stats(p.realms[a].Stats())
	}
	return all
}

// Close closes the connections. It waits for the replies under way, for a
// second at most where the server is silent, and answers what comes later with
// ErrClosed. Closing again does nothing.
func (p *Pools) Close() {
	p.closing.Do(func() {
		p.closed.Store(true)
		p.cache.Close()
		closeAll(p.opened)
		for _, r := range p.replicas {
			r.close()
		}
		p.deadline.stop()
	})
}

func closeAll(clients []rueidis.Client) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.Close)
	}
	wg.Wait()
}

// ping asks a cluster until a node answers: a client picks any of the addresses
// it knows, and one of those in the URL may be dead.
func ping(ctx context.Context, c rueidis.Client) error {
	cmd := c.B().Ping().Build()
	if c.Mode() == rueidis.ClientModeCluster {
		cmd = cmd.ToRetryable()
	}
	return c.Do(ctx, cmd).Error()
}

func joinAliases(aliases []Alias) string {
	texts := make([]string, len(aliases))
	for i, a := range aliases {
		texts[i] = string(a)
	}
	return strings.Join(texts, ", ")
}
