// Package queuekey names the keys that the library keeps beside a queue and
// beside the pending set of a service. [keyspace.Beside] builds a key from a
// kind and the key of the queue or set.
package queuekey

// Kinds of keys beside a queue.
const (
	Due     = "due"     // sorted set: headers of claims, scored by the end of their lease
	Again   = "again"   // sorted set: items that come before the list, scored by their first claim
	Back    = "back"    // hash: ID and number of deliveries of each released item
	Dead    = "dead"    // hash: dead letters, by ID
	Died    = "died"    // sorted set: ids of dead letters, scored by the time at which they became ones
	Order   = "order"   // hash: what orders the queue
	Delayed = "delayed" // sorted set: items whose next attempt is later, scored by its time
	Age     = "age"     // sorted set: times, scored by the number of items pushed until then

	Origins        = "origins"         // sorted set: the origin of each push, scored by the position of its last item
	ClaimedOrigins = "claimed-origins" // hash: the origins of delivered items, by the token of their first claim
)

// Kinds of keys of a claim beside a queue. The token of the claim follows.
const (
	Claim = "claim-" // list: the items of a claim
	Rest  = "rest-"  // list: items of a large expired claim that are not moved yet
	Done  = "done-"  // set: the places of the settled items
)

// TokenLen is the length of the token of a claim in characters of 5 random bits
// each. 65 bits suffice, since a token must differ only from those of the
// queue's other claims.
const TokenLen = 13

// Kinds of keys beside a pending set: the schedule of the service, which
// internal/pending/lua/schedule.lua describes. A key of queues or places is
// followed by ":" and the escaped tenant.
const (
	Tenants = "tenants" // sorted set: tenants, scored by the time of their next turn
	Queues  = "queues"  // sorted set: queues of a tenant, scored by the time from which each is ready
	Places  = "places"  // sorted set: places of a tenant that are taken, scored by the end of their lease
	Drained = "drained" // sorted set: tenants without queues, scored by the time since when
	Sweep   = "sweep"   // string: the process that sweeps
	Wake    = "wake"    // channel: milliseconds until a queue is ready
)
