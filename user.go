package symphony

import (
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// User is the repository of a tenant's users by user id. A user is a hash with
// the key `{tenant}:user:{id}`.
//
// Most of its methods are those of [hashrepo.HashRepo], which documents them:
//
//   - one record: [hashrepo.HashRepo.Get], [hashrepo.HashRepo.GetField],
//     [hashrepo.HashRepo.Exists], [hashrepo.HashRepo.PeekShared]
//   - several records: [hashrepo.HashRepo.GetMany], [hashrepo.HashRepo.All],
//     [hashrepo.HashRepo.IDs], [hashrepo.HashRepo.Find],
//     [hashrepo.HashRepo.FindOne], [hashrepo.HashRepo.FindByField],
//     [hashrepo.HashRepo.Page], [hashrepo.HashRepo.Count]
//   - write a record: [hashrepo.HashRepo.Upsert],
//     [hashrepo.HashRepo.UpsertVersion], [hashrepo.HashRepo.UpsertMany],
//     [hashrepo.HashRepo.Replace]
//   - change fields: [hashrepo.HashRepo.Update], [hashrepo.HashRepo.Merge],
//     [hashrepo.HashRepo.Mutate], [hashrepo.HashRepo.UpdateField],
//     [hashrepo.HashRepo.IncrementField], [hashrepo.HashRepo.AppendToList],
//     [hashrepo.HashRepo.DeleteField]
//   - delete: [hashrepo.HashRepo.Delete], [hashrepo.HashRepo.DeleteAll]
//   - lifetimes: [hashrepo.HashRepo.TTL], [hashrepo.HashRepo.Touch]
//   - lists and indexes: [hashrepo.HashRepo.Reindex],
//     [hashrepo.HashRepo.Sweep]
//   - keys of sealed fields: [hashrepo.HashRepo.Reseal]
//   - options: [User.With]
type User[T any] struct{ *hashrepo.HashRepo[T] }

// NewUser returns the repository of a tenant's users, on [pool.User]. Every
// write renews the lifetime of a record, 24 hours by default. Users that must
// not expire need the option [NoTTL]. NewUser sends nothing.
//
// If the tenant cannot be part of a key, NewUser returns [ErrInvalidKey]. It
// also returns the errors of [hashrepo.New].
func NewUser[T any](pools *pool.Pools, tenant string, opts ...Option) (*User[T], error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.User }, opts, tenant)
	if err != nil {
		return nil, err
	}
	repo, err := hashrepo.New[T](pools, pool.User, space, rest...)
	if err != nil {
		return nil, err
	}
	return &User[T]{repo}, nil
}

// With returns a view with more options; see [hashrepo.HashRepo.With].
func (u *User[T]) With(opts ...Option) *User[T] { return &User[T]{u.HashRepo.With(opts...)} }
