package pool

import (
	"sync/atomic"

	"github.com/symphony-go/symphony/internal/nearcache"
)

// Stats counts what went through the client of one alias since Open, its nodes
// and dedicated connections included. What Open and the client's own upkeep
// send is not counted; Ping is.
type Stats struct {
	Commands int64 // commands handed to the client, each of a DoMulti for itself
	Errors   int64 // how many of them gave an error; neither nil is one, nor NOSCRIPT, nor one inside an EXEC's reply

	// The client-side cache of the repositories with the option Cached. That a
	// record does not exist is kept and counted like a record.
	CacheHits          int64 // records served from memory, each of a GetMany for itself
	CacheMisses        int64 // records that were not
	CacheBypasses      int64 // misses whose record was not kept, since it was written to meanwhile
	CacheInvalidations int64 // records dropped because they were written to, or the connection was lost
	CacheEvictions     int64 // records dropped for want of room
	CacheEntries       int64 // records kept, now
	CacheBytes         int64 // the memory they hold, now
}

type counters struct {
	commands, errors atomic.Int64
}

func (c *counters) stats(near nearcache.Stats) Stats {
	return Stats{
		Commands: c.commands.Load(), Errors: c.errors.Load(),
		CacheHits: near.Hits, CacheMisses: near.Misses, CacheBypasses: near.Bypasses,
		CacheInvalidations: near.Invalidations, CacheEvictions: near.Evictions,
		CacheEntries: near.Entries, CacheBytes: near.Bytes,
	}
}
