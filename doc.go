// Package symphony gives Go services typed repositories over Redis, for many
// tenants: declare a struct, and read and write it without string keys,
// HGETALL and JSON by hand.
//
//	pools, err := pool.Open(ctx, pool.Config{URL: "redis://localhost:6379"})
//	users, err := symphony.NewUser[Profile](pools, "acme", symphony.TTL(time.Hour))
//	err = users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100})
//	err = users.Update(ctx, "u1", Score.Add(10))
//	alice, err := users.Get(ctx, "u1")
//
// Score is a handle of package hashrepo, which says how records are changed.
//
// # The seven
//
//   - [User]: a hash for each user;
//   - [StateHandler]: a hash for each user and conversation handler;
//   - [Table]: a hash for each row of a table;
//   - [SharedState]: scratch by state name, shared by the tools of one user;
//   - [Trigger]: deferred work;
//   - [Batch]: queues, and the tenants whose queues are waiting;
//   - [Generic]: one value under each key.
//
// Each is a thin constructor over one of three primitives: hashrepo.HashRepo,
// kvrepo.KVRepo and listrepo.ListRepo. A repository of your own is built from
// the same primitives and a keyspace.Pattern.
//
// # Options
//
// An [Option] is given to a constructor, or to With for a cheap view:
//
//	users.With(symphony.IfAbsent()).Upsert(ctx, "u1", p) // ErrExists where u1 is there
//
// # Requests
//
// Package scope binds the tenant and the user of a request to its context, and
// [BindSharedState] their shared state, so that every tool below finds it:
//
//	server := scope.Middleware(identify, symphony.BindSharedState(pools))(handler)
//	state, ok := symphony.SharedStateFrom(ctx)
//
// Repositories may be made for each request: a constructor whose type was seen
// before takes about a microsecond, and sends nothing.
//
// # Errors
//
// What can go wrong is a value for errors.Is ([ErrNotFound], [ErrWrongType]
// ...), inside an [*OpError] that names the operation and the key. A missing
// record is never a zero value with a nil error, and a broken server is never a
// missing record.
package symphony
