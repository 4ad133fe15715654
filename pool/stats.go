package pool

import "sync/atomic"

// Stats counts what went through the client of one alias since Open, its nodes
// and dedicated connections included. What Open and the client's own upkeep
// send is not counted; Ping is.
type Stats struct {
	Commands int64 // commands handed to the client, each of a DoMulti for itself
	Errors   int64 // how many of them gave an error; neither nil is one, nor NOSCRIPT, nor one inside an EXEC's reply

	// The client-side cache of the repositories. Zero: no repository caches yet.
	CacheHits          int64
	CacheMisses        int64
	CacheInvalidations int64
	CacheEvictions     int64
	CacheEntries       int64 // now
	CacheBytes         int64 // now
}

type counters struct {
	commands, errors atomic.Int64
}

func (c *counters) stats() Stats {
	return Stats{Commands: c.commands.Load(), Errors: c.errors.Load()}
}
