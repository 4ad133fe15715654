package pool

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/keyspace"
)

// Pools holds one client for each alias. [Open] returns it. Its methods may be
// called concurrently. The set of aliases does not change.
type Pools struct {
	clients         map[Alias]*client
	prefixes        map[Alias]string
	fieldTTL        map[Alias]bool // whether the server has lifetimes of hash fields
	realms          map[Alias]*nearcache.Realm
	cache           *nearcache.Cache
	opened          []rueidis.Client // without duplicates
	replicas        []*replicaClient
	layout          keyspace.Layout
	maxValueBytes   int
	maxDecodedBytes int
	deadline        *defaultDeadline
	logger          *slog.Logger
	observer        Observer
	attached        sync.Map
	closed          atomic.Bool
	closeOnce       sync.Once
}

// Open connects all aliases of cfg concurrently. It returns when each of them
// has replied to PING. If ctx has no deadline, Open ends after
// [Config.Timeout].
//
// If a server temporarily refuses commands (LOADING, MASTERDOWN, CLUSTERDOWN,
// TRYAGAIN, BUSY), Open logs a warning and retries until its deadline. A
// service that starts together with a large Redis server should give ctx the
// time that the server needs to load its data. Other errors are not retried:
// a refused connection, a wrong password, a database that does not exist, a
// missing permission.
//
// If cfg has mistakes, Open contacts no server. It returns all mistakes joined,
// each as a *[ConfigError]. If aliases cannot be used, Open closes all
// connections and returns a *[ConnectError] for each of these aliases, joined.
// The text has one line for each cause.
func Open(ctx context.Context, cfg Config) (*Pools, error) {
	plan, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	if plan.ignoredDatabase != nil {
		plan.logger.Warn("pool: the database number in Config.URL is ignored, because each alias has its own; set Config.Databases or Config.URLs to change it",
			"database", *plan.ignoredDatabase)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, plan.timeout)
		defer cancel()
	}
	pools, err := plan.connect(ctx)
	if err == nil && plan.observer != nil {
		plan.observer.Opened(pools)
	}
	return pools, err
}

// Client returns the client of an alias, for commands that the repositories
// lack. Its keys must begin with [Pools.Prefix]. It differs from other rueidis
// clients as follows:
//
//   - If the context of a Do, DoMulti, DoCache or DoMultiCache has no deadline,
//     it gets that of [Config.Timeout]. The call then ends with
//     [context.DeadlineExceeded], or with the error of its last retry.
//   - A blocking command such as BLPOP or XREAD BLOCK, a DoMulti that contains
//     one, Receive and the streams get no deadline. They end with their
//     context.
//   - DoCache and DoMultiCache ask the server each time. Only the records of
//     repositories are cached.
//   - A call uses another connection if no other call is under way.
//   - [Stats] counts its commands.
//   - Close does nothing. [Pools.Close] closes the client.
//
// Its nodes and its dedicated connections behave in the same way, except that
// Close closes a dedicated connection. Helpers of rueidis that depend on its
// own client types, such as rueidis.MGet, send a command for each cluster slot
// of the keys.
//
// If the alias does not exist, or if [Open] did not make the Pools, Client
// returns [ErrUnknownPool]. After [Pools.Close], Client and all calls of its
// clients return [ErrClosed].
func (p *Pools) Client(a Alias) (rueidis.Client, error) {
	if err := p.Opened(internal.NotForPublicUse{}); err != nil {
		return nil, err
	}
	if p.closed.Load() {
		return nil, ErrClosed
	}
	c, ok := p.clients[a]
	if !ok {
		return nil, fmt.Errorf("%w %q: these pools have %s; add it to Config.Databases or Config.URLs", ErrUnknownPool, string(a), joinAliases(p.Aliases()))
	}
	return c, nil
}

// Opened returns [ErrUnknownPool] if p is nil or the zero Pools, for the
// packages of this module.
func (p *Pools) Opened(internal.NotForPublicUse) error {
	if p == nil || p.clients == nil {
		return fmt.Errorf("%w: the Pools are nil or were not opened; open them with pool.Open", ErrUnknownPool)
	}
	return nil
}

// Aliases returns all aliases in sorted order.
func (p *Pools) Aliases() []Alias { return slices.Sorted(maps.Keys(p.clients)) }

// Prefix returns the prefix of all keys of an alias. With [Config.PrefixKeys]
// and on a cluster, it is the alias and a colon. Otherwise, and if the alias
// does not exist, it is empty.
func (p *Pools) Prefix(a Alias) string { return p.prefixes[a] }

// SharesDatabase reports whether two aliases are in one database of one server
// or cluster, for the packages of this module. Aliases whose URLs differ in
// their logins are reported as apart.
func (p *Pools) SharesDatabase(_ internal.NotForPublicUse, a, b Alias) bool {
	one, other := p.clients[a], p.clients[b]
	return one != nil && other != nil && one.server == other.server &&
		(one.database == other.database || one.Mode() == rueidis.ClientModeCluster)
}

// SupportsFieldTTL reports whether the server of an alias has lifetimes of
// hash fields (HPEXPIRE: Redis 7.4, Valkey 9). It returns false if the user may
// not run HPEXPIRETIME, with which [Open] finds this out. SupportsFieldTTL
// sends nothing.
func (p *Pools) SupportsFieldTTL(a Alias) bool { return p.fieldTTL[a] }

// Layout returns the key layout of the repositories on these pools.
func (p *Pools) Layout() keyspace.Layout { return p.layout }

// MaxValueBytes returns [Config.MaxValueBytes] or its default.
func (p *Pools) MaxValueBytes() int { return p.maxValueBytes }

// MaxDecodedBytes returns [Config.MaxDecodedBytes] or its default.
func (p *Pools) MaxDecodedBytes() int { return p.maxDecodedBytes }

// Timeout returns [Config.Timeout] or its default. It is at most 365 days.
func (p *Pools) Timeout() time.Duration { return p.deadline.timeout }

// Logger returns [Config.Logger] or its default, for the packages of this
// module.
func (p *Pools) Logger(internal.NotForPublicUse) *slog.Logger { return p.logger }

// Observed reports whether the pools have an [Observer], for the packages of
// this module.
func (p *Pools) Observed(internal.NotForPublicUse) bool { return p.observer != nil }

// Attached returns what a package of this module keeps with the pools under
// key. If there is nothing, it keeps the result of create.
func (p *Pools) Attached(_ internal.NotForPublicUse, key any, create func() any) any {
	if v, ok := p.attached.Load(key); ok {
		return v
	}
	v, _ := p.attached.LoadOrStore(key, create())
	return v
}

// Latency is [Pools.Ping] with the time that each alias took to reply. An alias
// that did not reply is left out.
func (p *Pools) Latency(ctx context.Context) (map[Alias]time.Duration, error) {
	if p.closed.Load() {
		return nil, ErrClosed
	}
	took, errs := make(map[Alias]time.Duration), make(map[Alias]*ConnectError)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, a := range p.Aliases() {
		wg.Go(func() {
			c, began := p.clients[a], time.Now()
			err := ping(ctx, c)
			d := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[a] = newConnectError(a, c.server, c.database, c.server.addr, err)
			} else {
				took[a] = d
			}
		})
	}
	wg.Wait()
	return took, joinConnectErrors(errs)
}

// Ping sends PING to all aliases concurrently. On a cluster, one node has to
// reply. If ctx has no deadline, Ping ends after [Config.Timeout].
//
// If aliases cannot be used, Ping returns a *[ConnectError] for each of
// them, joined. After [Pools.Close], it returns [ErrClosed].
func (p *Pools) Ping(ctx context.Context) error {
	_, err := p.Latency(ctx)
	return err
}

// Stats returns the counters of all aliases. It also works after
// [Pools.Close].
func (p *Pools) Stats() map[Alias]Stats {
	all := make(map[Alias]Stats, len(p.clients))
	for a, c := range p.clients {
		s := c.stats(p.realms[a].Stats())
		c.conns.addState(&s)
		all[a] = s
	}
	return all
}

// NoteDeadRemoved counts dead letters that were removed, for the packages of
// this module.
func (p *Pools) NoteDeadRemoved(_ internal.NotForPublicUse, a Alias, n int64) {
	p.clients[a].deadRemoved.Add(n)
}

// Close closes all connections. It waits for the replies of calls under way,
// but if a server is silent, no longer than a second. Calls that begin later
// return [ErrClosed]. Close may be called more than once.
func (p *Pools) Close() {
	p.closeOnce.Do(func() {
		p.closed.Store(true)
		p.cache.Close()
		closeAll(p.opened)
		for _, r := range p.replicas {
			r.close()
		}
		p.deadline.stop()
		if p.observer != nil {
			p.observer.Closed(p)
		}
	})
}

func closeAll(clients []rueidis.Client) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.Close)
	}
	wg.Wait()
}

// ping sends PING. On a cluster it retries until a node replies, because the
// client picks any address it knows, and an address of the URL may be down.
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
