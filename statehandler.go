package symphony

import (
	"context"
	"slices"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// StateHandler holds the state of one conversation handler: a hash for each
// user, under `{tenant}:state:{handler}:{user}`.
type StateHandler[T any] struct {
	*hashrepo.HashRepo[T]
	handler string
}

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
	return &StateHandler[T]{repo, handler}, nil
}

// With is a view with more options; see hashrepo.HashRepo.With.
func (s *StateHandler[T]) With(opts ...Option) *StateHandler[T] {
	return &StateHandler[T]{s.HashRepo.With(opts...), s.handler}
}

// Merge changes the fields that the patches name, and gives the state as it
// then stands. It also writes the fields handler_type, the handler's name, and
// timestamp, the time of the change in RFC 3339 and UTC, whether T has them or
// not. A T that has them has strings, or a time.Time for the timestamp, and a
// map takes strings; other types are ErrFieldType. Without patches it is Get.
// See hashrepo.HashRepo.Merge.
func (s *StateHandler[T]) Merge(ctx context.Context, id string, patches ...hashrepo.Patch[T]) (T, error) {
	if len(patches) > 0 {
		patches = append(slices.Clip(patches),
			hashrepo.Stamp[T]("handler_type", s.handler),
			hashrepo.Stamp[T]("timestamp", time.Now().UTC()))
	}
	return s.HashRepo.Merge(ctx, id, patches...)
}
