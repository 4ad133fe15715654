package pool

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
)

const (
	defaultURL             = "redis://127.0.0.1:6379"
	defaultTimeout         = 5 * time.Second
	defaultRetryFor        = 2 * time.Second
	maxTimeout             = 365 * 24 * time.Hour
	defaultMaxValueBytes   = 16 << 20
	defaultMaxDecodedBytes = 512 << 20
	defaultCacheMaxBytes   = 64 << 20
	defaultCacheMaxStale   = 5 * time.Second
	minCacheMaxStale       = 100 * time.Millisecond
)

// Config configures [Open]. The zero Config connects the predefined aliases to
// a Redis server at 127.0.0.1:6379. Open copies the values that it keeps, so a
// Config may be changed and used again.
//
// If URL is set, or if neither URL nor URLs is set, the aliases are the six of
// this package and all keys of Databases and URLs. If only URLs is set, the
// aliases are the keys of URLs and no others. For any other alias,
// [Pools.Client] and the constructors of repositories then return
// [ErrUnknownPool].
//
// Packages fmt, log/slog and encoding/json print a Config with the users and
// passwords of its URLs masked. But fmt prints a Config in an unexported field
// of another struct unmasked.
type Config struct {
	// URL is the server or cluster of all aliases that are not in URLs. Its
	// database number is ignored and logged, because each alias has its own
	// database, unless SingleDatabase is set. The package comment lists the
	// forms of a URL.
	//
	// Defaults to redis://127.0.0.1:6379 if URLs is empty. Otherwise, an alias
	// needs an entry in URLs.
	URL string

	// URLs contains the URLs of single aliases. A database number in one of
	// them is the database of its alias. A different number in Databases is an
	// error.
	//
	// Defaults to no entries: all aliases use URL.
	URLs map[Alias]string

	// Databases contains the database numbers of aliases, and adds aliases of
	// the program. An alias in it needs a URL: an entry in URLs, or the default
	// in URL. On a cluster, the numbers have no effect. But if the URL of a
	// cluster has a single address, two aliases with the same number are an
	// error unless PrefixKeys is set, because Open checks this before it
	// connects.
	//
	// The number of an alias defaults to the number in its entry in URLs. If
	// that has none, it defaults to the predefined number, or to 0 for an alias
	// of the program.
	Databases map[Alias]int

	// PrefixKeys lets every key of an alias begin with the alias and a colon,
	// such as "user:" for [User]. It is required if two aliases share a
	// database. On a cluster it is always on. Keys that were stored with
	// another setting are not found.
	//
	// Defaults to false.
	PrefixKeys bool

	// SingleDatabase puts all aliases into one database and turns PrefixKeys
	// on. It is for servers that have one database only, as most managed ones.
	// The database is that of the URL, or 0 if the URL has no number. A number
	// in Databases is then an error, except 0. Keys that were stored with
	// another setting are not found.
	//
	// Defaults to false.
	SingleDatabase bool

	// TLS configures the connections of all URLs that begin with rediss:// or
	// valkeys://. TLS 1.2 is the least version. If ServerName is empty, each
	// server is verified by its own name: the host of the URL or, in a cluster
	// and with Sentinel, the one that the servers announce. Otherwise,
	// ServerName is the name of all servers. If TLS is set and no URL uses TLS,
	// Open returns an error.
	//
	// Defaults to the settings of package crypto/tls.
	TLS *tls.Config

	// Credentials returns the user and the password of a new connection. It is
	// for passwords that change. The user may be empty. The context ends after
	// Timeout. The sentinels of a URL with master_set get the credentials too.
	// If a URL contains a user or a password, Open returns an error.
	//
	// Defaults to the user and the password of each URL.
	Credentials func(ctx context.Context) (username, password string, err error)

	// Layout is the key layout of all repositories on these pools. To define a
	// layout, copy one of package keyspace and change single patterns. A
	// missing pattern is an error.
	//
	// Defaults to [keyspace.Default], or to [keyspace.Cluster] if an alias is
	// on a cluster. [keyspace.ClusterByTenant] is for a cluster too, if records
	// of a tenant must share a slot.
	Layout keyspace.Layout

	// Timeout is how long a call may take if its context has no deadline. It
	// also applies to [Open]. A call may take up to an eighth longer, because
	// calls that begin at about the same time share a timer. A Timeout of more
	// than 365 days counts as 365 days. A negative value is an error.
	//
	// Defaults to 5 seconds.
	Timeout time.Duration

	// RetryFor is for how long reads are retried if no connection to their
	// server can be opened. It begins with the first failed attempt to connect.
	// Once it has passed, each call fails at once until the server replies
	// again: it waits at most a tenth of a second for an attempt to connect.
	// Writes are not retried in any case. [Stats] says since when an alias is
	// down.
	//
	// To read through a restart of a server or a failover, RetryFor must be
	// longer than that takes. After a failover, the client of a cluster learns
	// of the new primary within 5 seconds. No call is retried after its own
	// deadline. A negative value is an error.
	//
	// Defaults to 2 seconds.
	RetryFor time.Duration

	// MaxValueBytes is the size of the largest value that repositories send. If
	// a value is larger, the operation returns codec.ErrTooLarge and sends
	// nothing. The clients of [Pools.Client] do not check it.
	//
	// The calls of a pool share connections, so a large value delays the calls
	// behind it: on a link of 1 Gbit/s, 16 MiB take an eighth of a second. The
	// limit of the server is 512 MiB (proto-max-bulk-len). A negative value is
	// an error.
	//
	// Defaults to 16 MiB.
	MaxValueBytes int

	// MaxDecodedBytes is the memory that decoding one value may use: a field of
	// a hash, an item of a list, the value of a key, or the payload of a
	// trigger. If a value needs more, the operation returns a
	// *codec.DecodeError that wraps codec.ErrTooLarge. Without a limit, 16 MiB
	// that another program stored can decode into gigabytes.
	//
	// The codecs of package codec count the slices, maps and pointers that they
	// allocate. Other codecs are only protected from a longer encoded value. A
	// negative value is an error.
	//
	// Defaults to 512 MiB.
	MaxDecodedBytes int

	// Cache configures the client-side cache of repositories with the option
	// Cached.
	//
	// Defaults to an enabled cache; see [Cache] for its limits.
	Cache Cache

	// NewClient creates the clients. It may change the options and call
	// rueidis.NewClient, or wrap the client, as rueidisotel.NewClient does. The
	// options contain functions of the pools, such as DialCtxFn. A function
	// that replaces one of them should call it.
	//
	// Open calls NewClient concurrently. It first calls it for each server, to
	// find out whether the server is in a cluster, and closes that client
	// again. It then calls NewClient once for each alias, or once for a whole
	// cluster. With Sentinel, Open omits the first call, and the first read
	// from replicas calls NewClient for them. If a server temporarily refuses
	// commands or has several addresses, there are more calls. If the server
	// has no client tracking, rueidis.NewClient returns rueidis.ErrNoCache, and
	// Open calls NewClient again without tracking.
	//
	// If NewClient sets DisableCache or its own NewCacheStoreFn, repositories
	// do not cache. If it sets DisableAutoPipelining to false, or a DialCtxFn
	// that does not call the one of the options, a call that is alone has no
	// connection of its own.
	//
	// Defaults to rueidis.NewClient.
	NewClient func(rueidis.ClientOption) (rueidis.Client, error)

	// Logger receives the warnings of Open, a warning if a repository should
	// cache but the server cannot report changes, and one if a query walks the
	// database because a space is not indexed yet. No line contains a password.
	//
	// Defaults to [slog.Default].
	Logger *slog.Logger

	// Observer observes each call that is sent, for traces and metrics. The
	// function Instrument of package poolotel sets it. A hit of the client-side
	// cache sends nothing. Subscriptions and streams are not observed.
	//
	// Defaults to none, which costs nothing.
	Observer Observer
}

// Cache configures the client-side cache, which keeps the records of
// repositories with the option Cached in memory.
type Cache struct {
	// MaxBytes is the memory of all cached records, over all pools and
	// connections: their Go values, their keys and the index of the cache.
	// Records that were not read recently are evicted. A record of more than a
	// sixteenth of MaxBytes is not cached. A negative value is an error.
	//
	// Defaults to 64 MiB.
	MaxBytes int

	// MaxStale limits how stale a record can be if the connection that reports
	// its changes fails silently. While a connection works, Redis reports each
	// change at once. A record is served for at most MaxStale after the start
	// of the last cached read to which its connection replied. After that, the
	// server is asked again. A connection with cached records that is idle is
	// probed about every third of MaxStale, and the reply to a probe counts as
	// that to a read. A value under 100 milliseconds is an error.
	//
	// Defaults to 5 seconds.
	MaxStale time.Duration

	// Disabled turns the cache off. The option Cached then has no effect, and
	// CLIENT TRACKING is not enabled.
	//
	// Defaults to false.
	Disabled bool
}
