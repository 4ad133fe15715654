package symphony

import (
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// StateHandler holds the state of one conversation handler: a hash for each
// user, under `{tenant}:state:{handler}:{user}`.
type StateHandler[T any] struct{ *hashrepo.HashRepo[T] }

// NewStateHandler makes the repository of a handler's states by user id, on
// pool.Handlers. A record lives 24 hours from its last write unless the options
// say otherwise. Nothing is sent. Errors: ErrInvalidKey, and those of
// hashrepo.New.
func NewStateHandler[T any](pools *pool.Pools, tenant, handler string, opts ...Option) (*StateHandler[T], error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.State }, opts, tenant, handler)
	if err != nil {
		return nil, err
	}
	repo, err := hashrepo.New[T](pools, pool.Handlers, space, rest...)
	if err != nil {
		return nil, err
	}
	return &StateHandler[T]{repo}, nil
}

// With is a view with more options; see hashrepo.HashRepo.With.
func (s *StateHandler[T]) With(opts ...Option) *StateHandler[T] {
	return &StateHandler[T]{s.HashRepo.With(opts...)}
}
