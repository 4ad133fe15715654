// Package pool opens and manages the connections to Redis that the
// repositories use.
//
//	pools, err := pool.Open(ctx, pool.Config{URL: "redis://localhost:6379"})
//	if err != nil {
//		return err
//	}
//	defer pools.Close()
//
// [Open] returns a [Pools], which holds one client for each [Alias]. The
// package also defines the errors of operations: [OpError] and the sentinels,
// such as [ErrNotFound].
//
// # Aliases and databases
//
// An [Alias] names a pool: a client of one server or cluster, and a database
// there. A repository uses the alias of its domain, or the one that its option
// On selects. Six aliases are predefined, each with its own database:
//
//	Default      15  generic values
//	User         11  users
//	Handlers     10  state handlers, tables and batches
//	SharedState   9  shared state
//	Expiry        8  triggers
//	PubSub        7  messages
//
// [Config.Databases] changes these numbers and adds aliases. [Config.URLs]
// connects an alias to another server. If two aliases share a database, [Open]
// returns a [ConfigError], unless [Config.PrefixKeys] is set. With PrefixKeys,
// every key begins with its alias and a colon. For a server with one database,
// as most managed ones, [Config.SingleDatabase] puts all aliases into it.
//
// [Pools.Client] returns the client of an alias, for commands that the
// repositories lack. Keys that are sent with it must begin with
// [Pools.Prefix].
//
// # URLs
//
// One server. The number is the database:
//
//	redis://user:password@host:6379/3
//
// The same over TLS 1.2 or newer:
//
//	rediss://user:password@host:6380
//
// A cluster, by the addresses of two of its nodes:
//
//	redis://host:7000?addr=host2:7001
//
// A primary that Sentinel names. The host is the address of a sentinel:
//
//	redis://host:26379?master_set=main
//
// A Unix socket:
//
//	unix://user:password@/run/redis.sock?db=3
//
// The schemes valkey and valkeys mean the same as redis and rediss. A password
// without a user is written redis://:password@host. In a user or a password,
// the characters / ? # [ ] @ % must be percent-encoded. The default port is
// 6379. A host consists of letters, digits and . _ -, or is an IP address.
//
// The query accepts these parameters. Any other parameter is an error.
//
//	addr           host:port of another node or sentinel; may be repeated
//	client_cache   accepted, without effect
//	client_name    the name that CLIENT LIST shows; default "symphony"
//	db             the database, as in the path
//	dial_timeout   a duration such as 2s; see Deadlines and retries
//	master_set     the name under which the sentinels know the primary
//	max_retries    0 disables the retries of reads
//	protocol       2 selects RESP2
//	skip_verify    no value or true: accept any TLS certificate
//	write_timeout  a duration such as 5s; see Deadlines and retries
//
// With master_set, the user, the password and TLS apply to the Redis servers,
// not to the sentinels. [Config.NewClient] can set these for the sentinels.
// [Config.TLS] sets certificates, and [Config.Credentials] a login that
// changes. [FromEnv] reads a Config from the environment.
//
// No error and no log line contains a password. An error does not quote a URL
// that cannot be parsed, nor a host that the resolver does not find.
//
// # Deadlines and retries
//
// If the context of a Do or DoMulti has no deadline, the call gets one from
// [Config.Timeout], so that no call waits forever. [Pools.Client] lists the
// exceptions. If the context has a deadline or can never be canceled, this
// costs next to nothing. A context that can be canceled but has no deadline
// costs a timer for each call. A service should therefore give each request a
// deadline once.
//
// Reads are retried until the deadline. But if no connection can be opened,
// they are retried for [Config.RetryFor] after the first failed attempt to
// connect, and later calls fail at once until the server replies again. So a
// server that is down delays a call for this time once, and not each call until
// its deadline. [Stats] says since when a server is down.
//
// Writes are not retried, because a write without a reply may have been
// applied: see [OpError.MaybeApplied]. The only exceptions are the scripts of
// triggers that change nothing when they are repeated, and commands that a
// program marks with ToRetryable. They are retried like reads.
//
// A connection is closed if the server neither accepts data nor replies for
// 1.25 times Config.Timeout, but at least 2 seconds. The parameter
// write_timeout sets another duration. Connecting may take as long as
// Config.Timeout, but at least 1 second and at most 5 seconds. The parameter
// dial_timeout sets another duration.
//
// # Client-side caching
//
// Repositories with the option Cached keep the records that they read in
// memory. Redis reports each change. For this, [Open] enables CLIENT TRACKING
// in OPTIN mode, which costs nothing if no repository caches.
//
// If the server or its user has no CLIENT TRACKING, these repositories read
// from the server each time. [Config.Logger] receives one warning, at the
// latest when such a repository first reads. [Cache] limits the memory of the
// cached records and how stale they can be. [Stats] counts hits and misses.
//
// # Clusters
//
// [Open] sends HELLO to find out whether a server is a node of a cluster. If a
// URL has several addresses and no master_set, it must be a cluster.
//
// A cluster has only database 0. All aliases with the same URL of a cluster
// share a client. The keys of each alias begin with its name and a colon, as if
// [Config.PrefixKeys] were set.
// The default of [Config.Layout] is then [keyspace.Cluster]. If records of a
// tenant must share a slot, set [keyspace.ClusterByTenant].
package pool
