// Package symphony provides typed repositories over Redis for services with
// many tenants. You declare a struct and read and write it as records. You do
// not write string keys, HGETALL and JSON by hand.
//
//	pools, err := pool.Open(ctx, pool.Config{URL: "redis://localhost:6379"})
//	// Without an option, records expire after 24 hours.
//	users, err := symphony.NewUser[Profile](pools, "acme", symphony.NoTTL())
//	err = users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100})
//	err = users.Update(ctx, "u1", Score.Add(10))
//	alice, err := users.Get(ctx, "u1")
//
// Score is a handle of a field; see [hashrepo.NumberOf].
//
// # Repositories
//
//   - [User]: a hash for each user.
//   - [StateHandler]: a hash for each user and conversation handler.
//   - [Table]: a hash for each row of a table.
//   - [SharedState]: scratch states that the tools of one user share.
//   - [Trigger]: work that runs at a later time.
//   - [Batch]: queues. [WorkBatches] runs workers on them.
//   - [Generic]: one value for each key.
//   - [Feed]: entries that a client follows.
//   - [Topic]: messages that nobody keeps.
//
// Each is a thin constructor over a primitive: [hashrepo.HashRepo],
// [kvrepo.KVRepo], [listrepo.ListRepo] or [expiry.Schedule]. You can define
// repositories of your own from the same primitives and a [keyspace.Pattern].
//
// The key of every record contains its tenant. A repository of one tenant
// cannot read or write a record of another.
//
// # Options
//
// A constructor takes an [Option]. With takes options, too, and returns a view:
//
//	users.With(symphony.IfAbsent()).Upsert(ctx, "u1", p) // ErrExists if u1 exists
//
// # Indexes
//
// The tags index and unique of a field keep an index, by which records are
// found, ordered, paged and counted:
//
//	type Member struct {
//		Email string `redis:"email,unique"`
//	}
//
//	ann, err := members.FindOne(ctx, Email.Eq("ann@example.com"))
//
// Package hashrepo describes indexes, and docs/indexes.md their guarantees.
// [Listed] keeps only the list of the records. Without an index and a list, a
// search is a SCAN of the whole database.
//
// # Lifetimes
//
// Hashes expire 24 hours after the last write, unless [TTL] or [NoTTL] says
// otherwise. Values and queues do not expire by default. Every write renews the
// lifetime, unless [KeepTTL] is given.
//
// # Requests
//
// [scope.Middleware] binds the tenant and the user of a request to its context.
// [BindSharedState] also binds their shared state:
//
//	server := scope.Middleware(identify, symphony.BindSharedState(pools))(handler)
//	state, ok := symphony.SharedStateFrom(ctx)
//
// A constructor sends nothing. It takes about a microsecond if the type was
// used before, so a repository can be constructed for each request.
//
// # Errors
//
// Errors are values for [errors.Is], such as [ErrNotFound] and [ErrWrongType].
// An [OpError] wraps them and names the operation and the key. If a record does
// not exist, the error is ErrNotFound: a missing record is never a zero value
// without an error. If the server cannot be reached, the error is never
// ErrNotFound.
//
// A call with many records joins the errors of those that failed. The text of
// the joined error has the first ten and the number of the others. errors.Is
// looks at all of them, and the method Unwrap() []error returns them.
package symphony
