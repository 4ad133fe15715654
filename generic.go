package symphony

import (
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

// Generic is the repository of a tenant's values by key. A value is a string
// with the key `{tenant}:{key}`.
//
// Most of its methods are those of [kvrepo.KVRepo], which documents them:
//
//   - one value: [kvrepo.KVRepo.Get], [kvrepo.KVRepo.GetOrLoad],
//     [kvrepo.KVRepo.Exists], [kvrepo.KVRepo.PeekShared]
//   - several values: [kvrepo.KVRepo.GetMany], [kvrepo.KVRepo.IDs]
//   - write: [kvrepo.KVRepo.Set], [kvrepo.KVRepo.SetMany],
//     [kvrepo.KVRepo.Swap], [kvrepo.KVRepo.Mutate]
//   - delete: [kvrepo.KVRepo.Delete], [kvrepo.KVRepo.DeleteAll]
//   - lifetimes: [kvrepo.KVRepo.TTL], [kvrepo.KVRepo.Touch]
//   - keys of sealed values: [kvrepo.KVRepo.Reseal]
//   - another space: [kvrepo.KVRepo.In]
//   - options: [Generic.With]
type Generic[T any] struct{ *kvrepo.KVRepo[T] }

// NewGeneric returns the repository of a tenant's values, on [pool.Default].
// Values have no lifetime by default. It sends nothing.
//
// If the tenant cannot be part of a key, NewGeneric returns [ErrInvalidKey]. It
// also returns the errors of [kvrepo.New].
func NewGeneric[T any](pools *pool.Pools, tenant string, opts ...Option) (*Generic[T], error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Generic }, opts, tenant)
	if err != nil {
		return nil, err
	}
	repo, err := kvrepo.New[T](pools, pool.Default, space, rest...)
	if err != nil {
		return nil, err
	}
	return &Generic[T]{repo}, nil
}

// With returns a view with more options; see [kvrepo.KVRepo.With].
func (g *Generic[T]) With(opts ...Option) *Generic[T] { return &Generic[T]{g.KVRepo.With(opts...)} }
