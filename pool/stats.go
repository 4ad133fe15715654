package pool

import (
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/nearcache"
)

// Stats contains the state of one alias and its counters since [Open]. The
// counters include calls through nodes and dedicated connections. They include
// [Pools.Ping], but not the commands that Open or the client itself sends.
type Stats struct {
	Commands int64 // commands passed to the client; a DoMulti counts each of its commands

	// Errors is how many of the commands returned an error. A nil reply,
	// NOSCRIPT, and an error inside the reply of EXEC do not count.
	Errors int64

	// DeadRemoved is how many dead letters of queues this process removed
	// because of the options DeadLimit and DeadFor, or of these fields of
	// WorkConfig. Those that the server removed are not counted.
	DeadRemoved int64

	// The state of the connections. Down is whether the last attempt to connect
	// to a server of the alias failed. A server that is down is found by a call
	// that needs a new connection, so an alias without calls may not be Down
	// although its server is. The servers of a cluster and the sentinels count
	// too. One of them no longer counts if the client does not try to connect
	// to it for a minute.
	Down      bool
	Since     time.Time // since when the alias is Down, or is not; zero if there was no attempt
	LastError string    // the error of the last failed attempt; it stays after the server is up again

	// The counters of the client-side cache, which serves repositories with the
	// option Cached. The fact that a record does not exist counts as a record.
	CacheHits          int64 // records read from memory; a GetMany counts each of its records
	CacheMisses        int64 // records that were not in memory
	CacheBypasses      int64 // misses that were not cached, because the record changed meanwhile
	CacheInvalidations int64 // records dropped, because they may have changed or the connection was lost
	CacheEvictions     int64 // records dropped for lack of room
	CacheEntries       int64 // records that are cached now
	CacheBytes         int64 // memory that the cached records use now
}

type commandCounters struct {
	commands, errors, deadRemoved atomic.Int64
}

func (c *commandCounters) stats(cache nearcache.Stats) Stats {
	return Stats{
		Commands: c.commands.Load(), Errors: c.errors.Load(), DeadRemoved: c.deadRemoved.Load(),
		CacheHits: cache.Hits, CacheMisses: cache.Misses, CacheBypasses: cache.Bypasses,
		CacheInvalidations: cache.Invalidations, CacheEvictions: cache.Evictions,
		CacheEntries: cache.Entries, CacheBytes: cache.Bytes,
	}
}
