package pool

import (
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
)

const (
	defaultURL           = "redis://127.0.0.1:6379"
	defaultTimeout       = 5 * time.Second
	defaultMaxValueBytes = 16 << 20
	defaultMaxDecoded    = 512 << 20
	longestTimeout       = 365 * 24 * time.Hour
	defaultCacheBytes    = 64 << 20
	defaultMaxStale      = 5 * time.Second
	leastMaxStale        = 100 * time.Millisecond
)

// Config says where the pools are. The zero Config is a Redis on this machine.
// Open copies what it keeps, so a Config may be changed and used again.
//
// Which aliases there are: with URL, or with neither URL nor URLs, the six of
// this package and all that Databases and URLs name. With URLs alone, those in
// URLs and no others, so that a forgotten one is an error and not a connection
// to this machine.
type Config struct {
	// URL is the server or cluster of every alias that URLs does not name. A
	// database number in it is ignored, with a log line, since each alias has
	// its own. The package comment has the forms.
	//
	// Defaults to redis://127.0.0.1:6379 if URLs is empty too, else to none.
	URL string

	// URLs gives single aliases a URL of their own. A database number in one of
	// these is the alias's database; another number in Databases is a mistake.
	//
	// Defaults to none.
	URLs map[Alias]string

	// Databases gives aliases their database, instead of the default beside the
	// alias's name, and adds aliases of the program's own. An alias here needs a
	// URL: its own or URL. On a cluster the numbers have no effect.
	//
	// Defaults to none; an alias of the program's own that only URLs names, with
	// no number, has database 0.
	Databases map[Alias]int

	// PrefixKeys makes every key of an alias begin with the alias and a colon,
	// "user:" for User. It is needed where two aliases share a server and a
	// database, which is a mistake without it. Changing it orphans what is
	// stored. On a cluster it is implied.
	//
	// Defaults to false.
	PrefixKeys bool

	// Layout is the key layout of every repository on these pools. A layout of
	// the program's own starts from one of those in keyspace, so that no
	// pattern is missing.
	//
	// Defaults to keyspace.Default(), and to keyspace.Cluster() if any of the
	// aliases is on a cluster.
	Layout keyspace.Layout

	// Timeout is the deadline of a round trip whose context has none, and of
	// Open likewise. Calls may get up to an eighth more: those that begin about
	// the same time share one timer. Negative is a mistake.
	//
	// Defaults to 5 seconds.
	Timeout time.Duration

	// MaxValueBytes is the size of the largest value that a repository sends; a
	// larger one is ErrTooLarge, and nothing is sent. All callers of a pool
	// share its connections, so a value holds up what is queued behind it: 16
	// MiB for an eighth of a second on a 1 Gbit/s link. The server's own limit
	// is 512 MiB (proto-max-bulk-len). The raw clients do not check it.
	// Negative is a mistake.
	//
	// Defaults to 16 MiB.
	MaxValueBytes int

	// MaxDecodedBytes is how much memory the reading of one value may take: of
	// one field of a hash, one item of a list, one value of a key, one payload.
	// It is counted while slices, maps and pointers are allocated, by the codecs
	// of package codec; a codec of the program's own is given no longer text. A
	// value over it is a *codec.DecodeError that wraps ErrTooLarge. What another
	// program stored in 16 MiB can otherwise read into gigabytes. Negative is a
	// mistake.
	//
	// Defaults to 512 MiB.
	MaxDecodedBytes int

	// Cache is the client-side cache of the repositories with the option Cached.
	Cache Cache

	// NewClient makes the clients. It may change the options before it calls
	// rueidis.NewClient, or wrap the client it gets, as rueidisotel.NewClient
	// does. Functions that it finds in the options work for the pools: one that
	// takes the place of another should call it. Open calls it from several goroutines at once: once for each alias
	// (for each server on a cluster), and before that once for each server, for
	// a client that asks whether it is a cluster and is closed again. Where the
	// server has no client tracking, the first client of an alias is
	// rueidis.ErrNoCache, and Open asks for another one without. One that comes
	// with DisableCache set, or with a NewCacheStoreFn of its own, makes
	// repositories read uncached.
	//
	// Defaults to rueidis.NewClient.
	NewClient func(rueidis.ClientOption) (rueidis.Client, error)

	// Logger gets the few lines that Open has to say, and one where a repository
	// is to cache and the server cannot tell what changes. No line holds a
	// password.
	//
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// Cache configures the client-side cache: what repositories with the option
// Cached keep in memory.
type Cache struct {
	// MaxBytes is the memory of all that is kept, over all pools and connections
	// together: the values as Go holds them, their keys, and what finds them.
	// What was not read lately makes room. A record of more than a sixteenth of
	// it is not kept. Negative is a mistake.
	//
	// Defaults to 64 MiB.
	MaxBytes int

	// MaxStale is how long a record is served after the last word from the
	// server on the connection that it came through. On a connection that is
	// alive, Redis tells of a change as it happens; where one has died without a
	// sign, what changed meanwhile shows after MaxStale at the latest, since
	// then the server is asked. A third of it is about how often a connection
	// over which nothing goes is asked for a sign of life. Under 100
	// milliseconds is a mistake.
	//
	// Defaults to 5 seconds.
	MaxStale time.Duration

	// Disabled makes the option Cached without effect, and keeps CLIENT TRACKING
	// off.
	//
	// Defaults to false.
	Disabled bool
}
