// Package registry knows what stands beside the queues of one service: the keys of
// the library's own, and the registry in which a service's workers find queues.
package registry

// The kinds of keys beside a queue; keyspace.Beside makes the keys.
const (
	Due   = "due"   // sorted set: tokens of claims by the end of their lease
	Again = "again" // sorted set: items of lapsed leases by birth
	Back  = "back"  // hash: numbers of the items that were put back, by value
	Dead  = "dead"  // hash: parked items by id
	Age   = "age"   // sorted set: times at which the queue was noted, by what was pushed until then

	// Index is beside the set of those who have items: a sorted set of queues by
	// when they were last noted, in milliseconds of the server's time.
	Index = "queues"
)
