// Package expiry runs work that falls due: a service sets a trigger for a later
// time, and a handler in any process does its work then. It takes the place of
// a cron, a delay queue and a listener for keys that expire.
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
// # What is promised
//
//   - At least once. A trigger whose Set returned nil fires, however often
//     listeners and the server are killed, and however long no listener runs.
//     This asks for a server that keeps what it acknowledged: appendonly yes and
//     appendfsync always.
//   - Once at a time. A firing has one worker, who holds it by a lease that
//     heartbeats renew. A worker that cannot renew it has its handler's context
//     ended before the lease lapses, and its late answer changes nothing.
//   - Not early, by the server's clock, to the millisecond.
//   - In the end. A failure is tried again, with a growing delay, and at last is
//     a dead letter, which is kept until Retry or Discard; so is work whose
//     workers were lost again and again. Every further attempt has a higher
//     Event.Attempt.
//
// # What is not
//
//   - Exactly once. A worker can die between its work and the note of it, and
//     its work is done again. Event.Key and Event.DueAt name one firing: where
//     doing it twice would harm, remember them with what was done.
//   - Anything under appendfsync everysec or no: a crash loses what the server
//     had not written, a second's triggers with everysec. Nor anything when a
//     replica takes over, by Sentinel or in a cluster, since replication is
//     asynchronous.
//   - Order. Triggers that fall due together run together.
//   - A handler that goes on after its context ended: it may then run beside the
//     next attempt.
//
// # What the server needs
//
// Redis 7.0 or newer (or Valkey), for PEXPIRETIME, and maxmemory-policy
// noeviction for this database: a key that is evicted looks like a trigger that
// was taken back. Scripts, and nothing else. With the right to CONFIG SET the
// listener turns keyspace events on (E, g and x, beside those that are on),
// and so hears at once what other services do to triggers; without it, or on the
// embedded server, a sweep every Config.Sweep finds that, and a line in the log
// says so. What this library sets needs no events.
//
// A slot of a cluster that moves ends its keys a little later, so there a key
// that was put off by less than ten seconds past its grace was not put off.
//
// # How it works
//
// Beside the trigger's key, whose lifetime is the delay and an hour, stands an
// entry in a sorted set by due time. Listeners claim what is due from the set, by
// scripts, on the server's clock: the key's end is a hint, the set is the truth.
// Listeners sleep until the next due time that they know, and are woken by
// messages when something falls due before it.
//
// What others write into the keys of the schedule does no harm to the rest of
// it: docs/triggers.md says what becomes of it. A step of the server's clock
// forward fires what is due in between at once; after one back triggers fire when
// the clock comes to their times again, and leases and retries are brought
// forward.
//
// # Beside the Python service
//
// A trigger that is just a key with a lifetime, as the Python service sets it, is
// adopted: it gets its entry in the set as soon as a listener that handles its
// action hears of it, and is as durable as any from then on. Triggers of other
// actions are left alone. What that service does to a trigger of ours counts:
// EXPIRE and SETEX give it a new time, DEL takes it back if it is seen within
// the hour. With keyspace.Python a trigger of ours is such a key too, while no
// listener here handles its action: it ends when it is due, and a Python worker
// runs it.
//
// # Clusters
//
// With keyspace.Cluster the triggers of an action spread over 16 slots by a
// shard in their keys, which the library chooses. Each shard has a schedule of
// its own.
package expiry
