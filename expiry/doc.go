// Package expiry runs work when it is due. A service sets a trigger for a later
// time, and a [Listener] in any process runs the [Handler] of its action then.
// Triggers replace cron jobs, delay queues, and listeners for expired keys.
//
//	registry := expiry.NewRegistry()
//	err := registry.On("remind", func(ctx context.Context, e expiry.Event) error {
//		return sendReminder(ctx, e.Tenant, e.ID)
//	})
//	listener, err := expiry.NewListener(pools, registry, expiry.Config{})
//	go func() { done <- listener.Run(ctx) }()
//
//	triggers, err := symphony.NewTrigger(pools, "acme")
//	err = triggers.Set(ctx, "remind", "u1", 24*time.Hour)
//
// An [Action] is the name of an action with the type of its payloads, so that
// a wrong name does not compile.
//
// # Terms
//
// A trigger is set for a tenant, an action and an id. When a listener claims a
// trigger that is due, the trigger fires: it becomes a firing, and the same
// action and id can be set again. A firing is delivered to one worker at a time
// and is redelivered until its handler succeeds or it becomes a dead letter.
//
// # Handlers
//
// The context of a handler carries the tenant, which [scope.From] returns, and
// the values of the middleware that [Registry.Use] adds. A handler that returns
// [GiveUp] makes a dead letter at once, and one that returns [RetryAfter] sets
// the time of the next attempt.
//
// # Guarantees
//
//   - At least once. If Set returned nil, the trigger fires, even if listeners
//     and the server are killed, and even if no listener runs for a long time.
//     The server must keep what it acknowledged: appendonly yes and appendfsync
//     always.
//   - One worker at a time. A worker holds a firing by a lease, which the
//     listener renews. If the lease cannot be renewed, the handler's context
//     ends before the lease expires. After another worker has claimed the
//     firing, the result of the handler is ignored.
//   - No overlap. Two firings of one action and id do not run at the same time,
//     in any number of processes. If a trigger is due while another firing of
//     it has begun and is not done, it waits, over all attempts of that firing,
//     and fires right after that firing is done or dead. Until then Set,
//     Debounce, Delete and Due work on it as on any trigger that has not fired.
//   - Never early, by the server's clock, to the millisecond.
//   - Failures end. A failed attempt is repeated with a growing delay. After
//     [Config.MaxAttempts] failures, [GiveUp], or [Config.MaxExpiredLeases]
//     expired leases, the firing becomes a dead letter, which is kept until
//     [Listener.Retry] or [Listener.Discard]. [Event.Attempt] increases with
//     every redelivery.
//
// # Limits
//
//   - Work may be done more than once: a worker may die after the work, but
//     before the listener has recorded it. If that would do harm, store
//     [Event.Key] and [Event.DueAt], which identify a firing, together with the
//     result.
//   - With appendfsync everysec, a crash of the server loses the triggers of
//     about one second. With appendfsync no, it loses more. A failover to a
//     replica, by Sentinel or in a cluster, loses what was not replicated.
//   - A trigger whose action has no handler waits. Listeners warn about it; see
//     [Stats].Unhandled.
//   - Different triggers that are due at the same time run in no particular
//     order.
//   - A handler that ignores the end of its context may run at the same time as
//     the next attempt, or as the next firing.
//   - A Python worker that handles triggers by itself does not wait.
//
// # Requirements
//
// The server must be Redis 7.0 or newer, or Valkey, because of PEXPIRETIME. Its
// maxmemory-policy must be noeviction: an evicted key looks like a deleted
// trigger. The Redis user needs scripts. It does not need CONFIG or keyspace
// events for the triggers that this library sets.
//
// If the user may run CONFIG SET, the listener adds the flags E, g and x to
// notify-keyspace-events, and so learns at once when other services set or move
// triggers. Otherwise, and on the embedded server, it logs a line and finds
// these changes by a sweep every [Config.Sweep]. A listener notices that
// another service deleted a trigger by a sweep, or when the trigger is due.
//
// # Implementation
//
// A trigger has a key, whose lifetime is the delay and an hour of grace, and an
// entry in a sorted set by due time. Listeners claim entries that are due, by
// scripts that use the server's clock. The set decides; the expiry of the key
// is only a hint. A listener sleeps until the next due time that it knows, but
// at most for a second. It receives a message if a trigger is set that is due
// earlier, and if a firing has ended for which another one waits. Firings that
// do not meet need no further commands.
//
// Other clients may write anything into the keys of a schedule without harm to
// the rest of it. docs/triggers.md lists each case.
//
// If the server's clock is set forward, the triggers that are due in between
// fire at once. If it is set back, triggers fire when the clock reaches their
// times again. Leases and the delays of retries are adjusted if the step is
// longer than [Config.Lease].
//
// # The Python service
//
// The Python service sets a trigger as a key that expires when it is due. A
// listener that handles the action adopts such a trigger as soon as it learns
// of it: the trigger gets an entry in the sorted set, and is as durable as
// others from then on. Triggers of other actions are left alone.
//
// The Python service can also change triggers of this library. EXPIRE and SETEX
// change when a trigger is due. DEL deletes a trigger, if a listener notices it
// within an hour of the due time.
//
// With [keyspace.Python], a trigger is such a key too while no listener of this
// library handles its action, so that a Python worker runs it.
//
// # Clusters
//
// With [keyspace.Cluster] and [keyspace.ClusterByTenant], the triggers of an
// action are spread over 16 slots. The library chooses a shard for each trigger
// and puts it into the key. Each shard has its own schedule. An idle [Listener]
// looks at one shard a second, and messages wake it for what is due before it
// looks there again. So a trigger whose message is lost is late by up to 16
// seconds, and on a single server by up to one.
//
// If a slot is migrated, its keys expire a little later. Therefore a change of
// up to ten seconds in the expiry of a key is ignored on a cluster.
package expiry
