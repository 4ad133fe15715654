package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/keyspace"
)

// connection is one client that was opened, with the aliases it is for.
type connection struct {
	rueidis.Client
	server   *server
	members  []member
	cluster  bool
	links    *links
	replicas *replicas
	origin   *nearcache.Origin // nil: nothing can be cached

	fieldLifetimes bool
}

// connect opens every server of the plan at once.
func (p *plan) connect(ctx context.Context) (*Pools, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []connection
		errs = make(map[Alias]error)
	)
	done := func(c connection, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			all = append(all, c)
			return
		}
		addr := c.server.addr
		if _, answered := rueidis.IsRedisErr(err); !answered && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
			addr = redactAddrs(addr)
		}
		for _, m := range c.members {
			errs[m.alias] = connectError(m.alias, addr, err)
		}
	}
	for _, s := range p.servers {
		wg.Go(func() {
			var cluster bool
			err := p.patiently(ctx, s, func() (err error) {
				cluster, err = p.scout(ctx, s)
				return err
			})
			if err != nil || cluster {
				c := connection{server: s, members: s.members, cluster: cluster}
				if err == nil {
					p.sayDatabases(s)
					err = p.patiently(ctx, s, func() error { return p.connectCluster(ctx, &c) })
				}
				done(c, err)
				return
			}
			for _, m := range s.members {
				wg.Go(func() {
					c := connection{server: s, members: []member{m}}
					done(c, p.patiently(ctx, s, func() error { return p.connectMember(ctx, &c) }))
				})
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		clients := make([]rueidis.Client, len(all))
		for i, c := range all {
			clients[i] = c.Client
		}
		closeAll(clients)
		p.cache.Close()
		return nil, joinErrors(errs)
	}
	return p.pools(all), nil
}

// connectMember opens the client of one alias.
func (p *plan) connectMember(ctx context.Context, c *connection) (err error) {
	opt := p.options(c.server.opt)
	if opt.Sentinel.MasterSet != "" {
		ownNames(&opt)
	}
	c.links = new(links)
	c.links.watch(&opt)
	opt.SelectDB = c.members[0].db
	opt.ForceSingleClient = opt.Sentinel.MasterSet == ""
	if c.Client, c.origin, err = p.openCached(ctx, opt); err != nil {
		return err
	}
	c.replicas = p.sentinelReplicas(opt)
	return c.probe(ctx)
}

// connectCluster opens the one client of a cluster.
func (p *plan) connectCluster(ctx context.Context, c *connection) (err error) {
	opt := p.options(c.server.opt)
	ownNames(&opt)
	opt.SendToReplicas, opt.RetryDelay = toReplica, readerDelay
	opt.ClusterOption.ShardsRefreshInterval = 5 * time.Second // nobody tells a client of a new replica
	c.links = new(links)
	c.links.watch(&opt)
	if c.Client, c.origin, err = p.openCached(ctx, opt); err != nil {
		return err
	}
	c.replicas = &replicas{shared: c.Client}
	return c.probe(ctx)
}

// probe asks what the server of an open connection can do, and closes the
// connection on an error. HPEXPIRETIME came with the lifetimes of hash fields,
// and only reads.
func (c *connection) probe(ctx context.Context) error {
	cmd := c.B().Arbitrary("HPEXPIRETIME", "%probe", "FIELDS", "1", "f").ReadOnly()
	err := c.Do(ctx, cmd).Error()
	c.fieldLifetimes = err == nil
	if _, refused := rueidis.IsRedisErr(err); refused && !refusesForNow(err) || rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		c.Close()
	}
	return err
}

// pools makes the Pools of connections that all answer.
func (p *plan) pools(all []connection) *Pools {
	pools := &Pools{
		clients:        make(map[Alias]*client),
		prefixes:       make(map[Alias]string),
		fieldLifetimes: make(map[Alias]bool),
		realms:         make(map[Alias]*nearcache.Realm),
		cache:          p.cache,
		layout:         p.layout,
		maxValueBytes:  p.maxValueBytes,
		maxDecoded:     p.maxDecoded,
		deadline:       newDeadline(p.timeout),
	}
	layout := keyspace.Default()
	for _, c := range all {
		pools.opened = append(pools.opened, c.Client)
		pools.replicas = append(pools.replicas, c.replicas)
		if c.cluster {
			layout = keyspace.Cluster()
		}
		for _, m := range c.members {
			opened := &client{c.Client, &guard{
				addr: c.server.addr, links: c.links, replicas: c.replicas, deadline: pools.deadline, closed: &pools.closed,
			}}
			pools.clients[m.alias] = opened
			pools.realms[m.alias] = p.realm(m.alias, c.origin, opened)
			pools.fieldLifetimes[m.alias] = c.fieldLifetimes
			if c.cluster || p.prefixKeys {
				pools.prefixes[m.alias] = m.alias.prefix()
			}
		}
	}
	if pools.layout.IsZero() {
		pools.layout = layout
	}
	return pools
}

// scout reports whether s is a cluster. It asks on database 0, since a cluster
// has no other, and with a client of a single connection, since a cluster
// client that cannot connect goes on trying after it was given up.
func (p *plan) scout(ctx context.Context, s *server) (cluster bool, err error) {
	if s.opt.Sentinel.MasterSet != "" {
		return false, nil
	}
	for _, addr := range s.opt.InitAddress {
		var mode string
		if mode, err = p.mode(ctx, s, addr); err != nil {
			continue
		}
		switch {
		case mode == "sentinel":
			return false, errors.New("it is a Sentinel; name the primary in the URL, ?master_set=NAME")
		case mode != "cluster" && s.several():
			return false, fmt.Errorf("the URL has several addresses, but %s is no cluster; give one address, or ?master_set=NAME for Sentinel", addr)
		}
		return mode == "cluster", nil
	}
	return false, err
}

// mode asks one address what it is. A server that does not know HELLO counts as
// standalone.
func (p *plan) mode(ctx context.Context, s *server, addr string) (string, error) {
	opt := p.options(s.opt)
	opt.InitAddress = []string{addr}
	opt.ForceSingleClient = true
	if s.several() {
		ownNames(&opt)
	}
	c, err := p.open(ctx, opt)
	if err != nil {
		return "", err
	}
	defer c.Close()
	hello, err := c.Do(ctx, c.B().Arbitrary("HELLO").Build()).AsMap()
	switch {
	case refusesForNow(err):
		return "", err
	case err != nil:
		if s.several() {
			return "cluster", nil
		}
		return "standalone", nil
	}
	mode := hello["mode"]
	text, _ := mode.ToString()
	return text, nil
}

// sayDatabases says once that the numbers of a cluster's databases count for
// nothing.
func (p *plan) sayDatabases(s *server) {
	for _, m := range s.members {
		if m.chosen && m.db != 0 {
			p.logger.Warn("pool: the database number is ignored, since a cluster has only database 0; prefixes keep the keys of the aliases apart",
				"alias", string(m.alias), "database", m.db)
		}
	}
}

// sentinelReplicas are those of the primary that Sentinel names, which a client
// of its own reads: one that served both would fail where no replica is left.
func (p *plan) sentinelReplicas(opt rueidis.ClientOption) *replicas {
	if opt.Sentinel.MasterSet == "" {
		return nil
	}
	opt = separate(opt)
	opt.DisableCache = true
	opt.ReplicaOnly, opt.RetryDelay = true, readerDelay
	return &replicas{open: func() (rueidis.Client, error) {
		c, err := p.newClient(opt)
		if c == nil && err == nil {
			err = errNoClient
		}
		return c, err
	}}
}

// open makes a client and waits for its PONG. A client that comes after ctx
// has ended is closed.
func (p *plan) open(ctx context.Context, opt rueidis.ClientOption) (rueidis.Client, error) {
	type result struct {
		client rueidis.Client
		err    error
	}
	arrived := make(chan result)
	go func() {
		r := result{}
		if r.client, r.err = p.newClient(opt); r.err == nil && r.client == nil {
			r.err = errNoClient
		} else if r.err == nil {
			r.err = ping(ctx, r.client)
		}
		if r.err != nil && r.client != nil {
			r.client.Close()
			r.client = nil
		}
		select {
		case arrived <- r:
		case <-ctx.Done():
			if r.client != nil {
				r.client.Close()
			}
		}
	}()
	select {
	case r := <-arrived:
		return r.client, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// separate is opt with nothing that another client's options share.
func separate(opt rueidis.ClientOption) rueidis.ClientOption {
	opt.InitAddress = slices.Clone(opt.InitAddress)
	if opt.TLSConfig != nil {
		opt.TLSConfig = opt.TLSConfig.Clone()
	}
	return opt
}

// options are what every client of the pools has in common.
func (p *plan) options(opt rueidis.ClientOption) rueidis.ClientOption {
	opt = separate(opt)
	dialling(&opt)
	if opt.ClientName == "" {
		opt.ClientName = "symphony"
	}
	if opt.Dialer.Timeout == 0 {
		opt.Dialer.Timeout = min(max(p.timeout, time.Second), rueidis.DefaultDialTimeout)
	}
	if opt.ConnWriteTimeout == 0 {
		opt.ConnWriteTimeout = max(p.timeout+p.timeout/4, 2*time.Second)
	}
	opt.DisableCache = true
	opt.RetryDelay = retryDelay
	if opt.Sentinel.MasterSet != "" {
		opt.Sentinel.ClientName = opt.ClientName
		opt.Sentinel.Dialer = net.Dialer{Timeout: opt.Dialer.Timeout, KeepAlive: rueidis.DefaultTCPKeepAlive}
		opt.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return opt
}

// retryDelay is that of rueidis: it doubles up to a second, with jitter. It also
// pins the command, which rueidis would use for another one once it is answered,
// while the writer of the connection that broke may still read it.
func retryDelay(attempts int, cmd rueidis.Completed, _ error) time.Duration {
	cmd.Pin()
	base := time.Microsecond << min(attempts, 20)
	return min(time.Second, base+rand.N(base))
}

func joinErrors(byAlias map[Alias]error) error {
	var errs []error
	for _, a := range slices.Sorted(maps.Keys(byAlias)) {
		errs = append(errs, byAlias[a])
	}
	return errors.Join(errs...)
}
