// Package queuekey names the keys that the library keeps beside a queue and
// beside the pending set of a service. [keyspace.Beside] builds a key from a
// kind and the key of the queue or set.
package queuekey

// Kinds of keys beside a queue.
const (
	Due     = "due"     // sorted set: headers of claims, scored by the end of their lease
	Again   = "again"   // sorted set: items of expired leases, scored by their first claim
	Back    = "back"    // hash: ID and number of deliveries of each released item
	Dead    = "dead"    // hash: dead letters, by ID
	Order   = "order"   // hash: what orders the queue
	Delayed = "delayed" // sorted set: items whose next attempt is later, scored by its time
	Age     = "age"     // sorted set: times, scored by the number of items pushed until then
)

// Index is the kind of the key beside a pending set: a sorted set of the
// service's queues, scored by the time at which each was last noted, in
// milliseconds.
const Index = "queues"
