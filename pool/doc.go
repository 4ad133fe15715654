// Package pool connects the repositories to Redis: it names the pools, opens
// one client for each, gives every round trip a deadline, counts commands and
// closes everything at the end.
//
//	pools, err := pool.Open(ctx, pool.Config{URL: "redis://localhost:6379"})
//	if err != nil {
//		return err
//	}
//	defer pools.Close()
//
// A pool is known by its [Alias]. Repositories take the alias they live on;
// [Pools.Client] gives the client of an alias for the commands that the
// repositories lack.
//
// # URLs
//
//	redis://user:password@host:6379/3          one server; the number is the database
//	rediss://user:password@host:6380           the same over TLS 1.2 or newer
//	redis://host:7000?addr=host2:7001          a cluster, by two of its nodes
//	redis://host:26379?master_set=main         a primary found through Sentinel; the hosts are the sentinels
//	unix://user:password@/run/redis.sock?db=3  a socket
//
// valkey and valkeys stand for redis and rediss. A password alone is written
// redis://:password@host. The characters / ? # [ ] @ % of a user or password
// are percent-encoded. The port is 6379 where none is given. Query parameters:
//
//	addr           host:port of one more node or sentinel; may be repeated
//	client_name    what CLIENT LIST shows; "symphony" where none is given
//	db             the database, as in the path
//	dial_timeout   a duration such as 2s; see below
//	master_set     the name that the sentinels watch the primary under
//	max_retries    0: reads are not retried either
//	protocol       2: speak RESP2
//	skip_verify    over TLS, with no value or true: take any certificate
//	write_timeout  a duration such as 5s; see below
//	client_cache   accepted, and without effect
//
// Any other parameter is a mistake. A host has letters, digits and . _ - or is an
// IP address; nothing else is looked up. An error quotes nothing of a URL that
// does not parse, nor a host that no resolver finds. With master_set the login and TLS are those
// of the Redis servers; sentinels that want either, client certificates and
// everything else a URL cannot say are set by [Config.NewClient].
//
// # Deadlines
//
// A Do or DoMulti whose context has no deadline gets one from Config.Timeout, so
// that no call waits for ever; see [Pools.Client] for what is exempt. A context
// with a deadline, or one that cannot be cancelled, costs next to nothing here;
// one that can be cancelled and has no deadline costs a timer for each call, so
// a service does well to give its requests a deadline once. Reads are retried
// until the deadline, writes are not, since a write that got no answer may have
// been applied.
//
// A connection is given up when it has not taken or answered anything for five
// quarters of Config.Timeout, 2 s at least (write_timeout in the URL). Making
// one may take as long as Config.Timeout, but no less than 1 s and no more than
// 5 s (dial_timeout in the URL).
//
// # Client-side cache
//
// Repositories with the option Cached keep what they read in memory, and Redis
// tells of each change: Open turns CLIENT TRACKING on, in OPTIN mode, so that it
// costs nothing where nobody caches. Where the server or its user has none, the
// client is made again without, and repositories read from the server each
// time; [Config.Logger] gets a line when the first of them would have cached.
// See [Cache] for the bounds of memory and of age, and [Stats] for the counters.
//
// # Clusters
//
// A cluster has only database 0. All aliases on one share a client, and each
// alias's keys begin with its name, as if Config.PrefixKeys were set. Open asks
// a server with HELLO whether it is one; a URL with several addresses and no
// master_set has to be one.
package pool
