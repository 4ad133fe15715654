package symphony

import (
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// User holds a tenant's users: a hash for each, under `{tenant}:user:{id}`.
type User[T any] struct{ *hashrepo.HashRepo[T] }

// NewUser makes the repository of a tenant's users, on pool.User. A record
// lives 24 hours from its last write unless the options say otherwise. Nothing
// is sent. Errors: ErrInvalidKey, and those of hashrepo.New.
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

// With is a view with more options; see hashrepo.HashRepo.With.
func (u *User[T]) With(opts ...Option) *User[T] { return &User[T]{u.HashRepo.With(opts...)} }
