// Package queuekey names the keys that the library keeps beside a queue and
// beside the pending set of a service. [keyspace.Beside] builds a key from a
// kind and the key of the queue or set.
package queuekey

// Kinds of keys beside a queue.
const (
	Due   = "due"   // sorted set: tokens of claims, scored by the end of their lease
	Again = "again" // sorted set: items of expired leases, scored by their order in the queue
	Back  = "back"  // hash: delivery numbers of returned items, by value
	Dead  = "dead"  // hash: dead letters, by ID
	Age   = "age"   // sorted set: times at which the queue was noted, by what was pushed until then
)

// Index is the kind of the key beside a pending set: a sorted set of the
// service's queues, scored by when each was last noted in milliseconds of the
// server's time.
const Index = "queues"
