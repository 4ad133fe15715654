package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/keyspace"
)

// topologyInterval is how often a client looks for replicas that were added to
// a cluster or to a Sentinel set. No message announces them.
const topologyInterval = 5 * time.Second

// connection is an open client and the aliases that use it.
type connection struct {
	rueidis.Client
	server   *server
	members  []member
	cluster  bool
	conns    *connTracker
	replicas *replicaClient
	origin   *nearcache.Origin // nil if nothing can be cached
	fieldTTL bool              // whether the server has lifetimes of hash fields
}

// connect opens all servers of the plan concurrently.
func (p *plan) connect(ctx context.Context) (*Pools, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		open []connection
		errs = make(map[Alias]*ConnectError)
	)
	finish := func(c connection, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			open = append(open, c)
			return
		}
		addr := c.server.addr
		if _, answered := rueidis.IsRedisErr(err); !answered && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
			addr = redactAddrs(addr)
		}
		for _, m := range c.members {
			errs[m.alias] = newConnectError(m.alias, &c.server.endpoint, m.database, addr, err)
		}
	}
	for _, s := range p.servers {
		wg.Go(func() {
			var cluster bool
			err := p.retryOpen(ctx, s, func() (err error) {
				cluster, err = p.isCluster(ctx, s)
				return err
			})
			if err != nil || cluster {
				c := connection{server: s, members: s.members, cluster: cluster}
				if err == nil {
					p.logIgnoredDatabases(s)
					err = p.retryOpen(ctx, s, func() error { return p.connectCluster(ctx, &c) })
				}
				finish(c, err)
				return
			}
			for _, m := range s.members {
				wg.Go(func() {
					c := connection{server: s, members: []member{m}}
					finish(c, p.retryOpen(ctx, s, func() error { return p.connectMember(ctx, &c) }))
				})
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		clients := make([]rueidis.Client, len(open))
		for i, c := range open {
			clients[i] = c.Client
		}
		closeAll(clients)
		p.cache.Close()
		return nil, joinConnectErrors(errs)
	}
	return p.newPools(open), nil
}

// oneConnection is the PipelineMultiplex of one pipelining connection. By
// default, rueidis opens two on two or three processors. One serves calls that
// overlap in less time there, since each write and read of the socket carries
// more of them.
const oneConnection = -1

// connectMember opens the client of one alias.
func (p *plan) connectMember(ctx context.Context, c *connection) (err error) {
	opt := p.clientOptions(c.server.opt)
	if opt.Sentinel.MasterSet != "" {
		verifyEachName(&opt, c.server.serverName)
	}
	c.conns = &connTracker{grace: p.retryFor}
	c.conns.wrapDial(&opt)
	opt.RetryDelay = c.conns.retryDelay
	opt.SelectDB = c.members[0].database
	opt.ForceSingleClient = opt.Sentinel.MasterSet == ""
	if runtime.GOMAXPROCS(0) < 4 {
		opt.PipelineMultiplex = oneConnection
	}
	if c.Client, c.origin, err = p.openCached(ctx, opt, p.newDirectClient); err != nil {
		return err
	}
	c.replicas = p.sentinelReplicas(opt)
	return c.probeFieldTTL(ctx)
}

// connectCluster opens the client that all aliases of a cluster share.
func (p *plan) connectCluster(ctx context.Context, c *connection) (err error) {
	opt := p.clientOptions(c.server.opt)
	verifyEachName(&opt, c.server.serverName)
	c.conns = &connTracker{grace: p.retryFor}
	c.conns.wrapDial(&opt)
	opt.SendToReplicas, opt.RetryDelay = isReplicaRead, exceptReplicaReads(c.conns.retryDelay)
	opt.ClusterOption.ShardsRefreshInterval = topologyInterval
	if c.Client, c.origin, err = p.openCached(ctx, opt, p.newClient); err != nil {
		return err
	}
	c.replicas = &replicaClient{shared: c.Client}
	return c.probeFieldTTL(ctx)
}

// probeFieldTTL finds out whether the server has lifetimes of hash fields. It
// sends HPEXPIRETIME, which belongs to them and only reads. On an error of the
// connection, it closes the connection.
func (c *connection) probeFieldTTL(ctx context.Context) error {
	cmd := c.B().Arbitrary("HPEXPIRETIME", "%probe", "FIELDS", "1", "f").ReadOnly()
	err := c.Do(ctx, cmd).Error()
	c.fieldTTL = err == nil
	if _, refused := rueidis.IsRedisErr(err); refused && !isTemporaryRefusal(err) || rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		c.Close()
	}
	return err
}

// newPools returns the Pools of connections that are all open.
func (p *plan) newPools(open []connection) *Pools {
	pools := &Pools{
		clients:         make(map[Alias]*client),
		prefixes:        make(map[Alias]string),
		fieldTTL:        make(map[Alias]bool),
		realms:          make(map[Alias]*nearcache.Realm),
		cache:           p.cache,
		layout:          p.layout,
		maxValueBytes:   p.maxValueBytes,
		maxDecodedBytes: p.maxDecodedBytes,
		deadline:        newDefaultDeadline(p.timeout),
		logger:          p.logger,
		observer:        p.observer,
	}
	defaultLayout := keyspace.Default()
	for _, c := range open {
		pools.opened = append(pools.opened, c.Client)
		pools.replicas = append(pools.replicas, c.replicas)
		if c.cluster {
			defaultLayout = keyspace.Cluster()
		}
		for _, m := range c.members {
			opened := &client{c.Client, &clientState{
				alias: m.alias, observer: p.observer, observedAddr: c.server.singleAddr(),
				server: &c.server.endpoint, database: m.database, conns: c.conns, replicas: c.replicas, deadline: pools.deadline, closed: &pools.closed,
			}}
			pools.clients[m.alias] = opened
			pools.realms[m.alias] = p.realm(m.alias, c.origin, opened)
			pools.fieldTTL[m.alias] = c.fieldTTL
			if c.cluster || p.prefixKeys {
				pools.prefixes[m.alias] = m.alias.keyPrefix()
			}
		}
	}
	if pools.layout.IsZero() {
		pools.layout = defaultLayout
	}
	return pools
}

// isCluster reports whether s is a cluster. It uses a client of a single
// connection, because a cluster client that cannot connect goes on trying after
// its caller has given up. It selects database 0, because a cluster has no
// other.
func (p *plan) isCluster(ctx context.Context, s *server) (cluster bool, err error) {
	if s.opt.Sentinel.MasterSet != "" {
		return false, nil
	}
	for _, addr := range s.opt.InitAddress {
		var mode string
		if mode, err = p.serverMode(ctx, s, addr); err != nil {
			continue
		}
		switch {
		case mode == "sentinel":
			return false, errors.New("the server is a Sentinel; add ?master_set=NAME, the name of its primary, to the URL")
		case mode != "cluster" && s.hasSeveralNodes():
			return false, fmt.Errorf("the URL has several addresses, but %s is not in a cluster; use one address, or add ?master_set=NAME for Sentinel", addr)
		}
		return mode == "cluster", nil
	}
	return false, err
}

// serverMode asks one address for its mode with HELLO. If HELLO fails, the
// server counts as standalone, or as a cluster if the URL has several nodes.
// But a temporary refusal is returned as an error.
func (p *plan) serverMode(ctx context.Context, s *server, addr string) (string, error) {
	opt := p.clientOptions(s.opt)
	opt.InitAddress = []string{addr}
	opt.ForceSingleClient = true
	if s.hasSeveralNodes() {
		verifyEachName(&opt, s.serverName)
	}
	c, err := p.open(ctx, opt, p.newClient)
	if err != nil {
		return "", err
	}
	defer c.Close()
	hello, err := c.Do(ctx, c.B().Arbitrary("HELLO").Build()).AsMap()
	switch {
	case isTemporaryRefusal(err):
		return "", err
	case err != nil:
		if s.hasSeveralNodes() {
			return "cluster", nil
		}
		return "standalone", nil
	}
	mode := hello["mode"]
	text, _ := mode.ToString()
	return text, nil
}

// logIgnoredDatabases logs the configured database numbers of aliases on a
// cluster.
func (p *plan) logIgnoredDatabases(s *server) {
	for _, m := range s.members {
		if m.configured && m.database != 0 {
			p.logger.Warn("pool: the database number is ignored, because a cluster has only database 0; prefixes keep the keys of the aliases apart",
				"alias", string(m.alias), "database", m.database)
		}
	}
}

// sentinelReplicas returns the replicas of a primary that Sentinel names. They
// have a client of their own, because a client of both primary and replicas
// fails if there is no replica. The result is nil without Sentinel.
func (p *plan) sentinelReplicas(opt rueidis.ClientOption) *replicaClient {
	if opt.Sentinel.MasterSet == "" {
		return nil
	}
	opt = cloneOptions(opt)
	opt.DisableCache = true
	opt.ReplicaOnly, opt.RetryDelay = true, exceptReplicaReads(opt.RetryDelay)
	return &replicaClient{open: func() (rueidis.Client, error) {
		c, err := p.newClient(opt)
		if c == nil && err == nil {
			err = errNoClient
		}
		return c, err
	}}
}

var errNoClient = errors.New("Config.NewClient returned neither a client nor an error; return one of them")

// newClientFunc is a function such as rueidis.NewClient.
type newClientFunc = func(rueidis.ClientOption) (rueidis.Client, error)

// open creates a client and waits for its reply to PING. If ctx ends first, the
// client is closed when it arrives.
func (p *plan) open(ctx context.Context, opt rueidis.ClientOption, newClient newClientFunc) (rueidis.Client, error) {
	type result struct {
		client rueidis.Client
		err    error
	}
	opened := make(chan result)
	go func() {
		r := result{}
		if r.client, r.err = newClient(opt); r.err == nil && r.client == nil {
			r.err = errNoClient
		} else if r.err == nil {
			r.err = ping(ctx, r.client)
		}
		if r.err != nil && r.client != nil {
			r.client.Close()
			r.client = nil
		}
		select {
		case opened <- r:
		case <-ctx.Done():
			if r.client != nil {
				r.client.Close()
			}
		}
	}()
	select {
	case r := <-opened:
		return r.client, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cloneOptions returns a copy of opt that shares no address list and no TLS
// configuration with it.
func cloneOptions(opt rueidis.ClientOption) rueidis.ClientOption {
	opt.InitAddress = slices.Clone(opt.InitAddress)
	if opt.TLSConfig != nil {
		opt.TLSConfig = opt.TLSConfig.Clone()
	}
	return opt
}

// clientOptions returns opt with the settings that all clients of the pools
// share.
func (p *plan) clientOptions(opt rueidis.ClientOption) rueidis.ClientOption {
	opt = cloneOptions(opt)
	wrapDial(&opt)
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
		opt.Sentinel.TopologyRefreshInterval = topologyInterval
	}
	return opt
}

// redisBackoff is the delay that rueidis uses by default: it doubles from a
// microsecond up to a second, with jitter.
var redisBackoff = retry.Backoff{First: 1500 * time.Nanosecond, Max: 750 * time.Millisecond, Jitter: 1.0 / 3}

// retryDelay returns the delay of redisBackoff and pins the command. Otherwise
// rueidis reuses the memory of the command after its reply, while the writer of
// the broken connection may still read it.
func retryDelay(attempts int, cmd rueidis.Completed, _ error) time.Duration {
	cmd.Pin()
	return redisBackoff.Delay(attempts)
}
