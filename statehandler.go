package symphony

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// StateHandler is the repository of the states of one conversation handler by
// user id. A state is a hash with the key `{tenant}:state:{handler}:{user}`.
//
// Only [StateHandler.Merge] writes the fields handler_type and timestamp, as in
// the Python package, whose upsert and update_field do not write them either.
// Other writes keep a timestamp that an earlier Merge wrote. So the timestamp
// is the time of the last Merge. If every write must have a time, give T a
// field for it, and set it.
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
//   - change fields: [hashrepo.HashRepo.Update], [StateHandler.Merge],
//     [hashrepo.HashRepo.Mutate], [hashrepo.HashRepo.UpdateField],
//     [hashrepo.HashRepo.IncrementField], [hashrepo.HashRepo.AppendToList],
//     [hashrepo.HashRepo.DeleteField]
//   - delete: [hashrepo.HashRepo.Delete], [hashrepo.HashRepo.DeleteAll]
//   - lifetimes: [hashrepo.HashRepo.TTL], [hashrepo.HashRepo.Touch]
//   - lists and indexes: [hashrepo.HashRepo.Reindex],
//     [hashrepo.HashRepo.Sweep]
//   - keys of sealed fields: [hashrepo.HashRepo.Reseal]
//   - options: [StateHandler.With]
type StateHandler[T any] struct {
	*hashrepo.HashRepo[T]
	handler string
}

// NewStateHandler returns the repository of a handler's states, on
// [pool.Handlers]. Every write renews the lifetime of a state, 24 hours by
// default. It sends nothing.
//
// If the tenant or the handler cannot be part of a key, NewStateHandler returns
// [ErrInvalidKey]. It also returns the errors of [hashrepo.New].
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

// With returns a view with more options; see [hashrepo.HashRepo.With].
func (s *StateHandler[T]) With(opts ...Option) *StateHandler[T] {
	return &StateHandler[T]{s.HashRepo.With(opts...), s.handler}
}

// Merge applies patches and returns the state after the changes; see
// [hashrepo.HashRepo.Merge]. It also writes two fields, whether T has them or
// not: handler_type, the name of the handler, and timestamp, the time of the
// change in RFC 3339 and UTC. Without patches, Merge is Get.
//
// If T has renamed one of them with the tag option was, Merge writes the new
// name.
//
// If T has the field handler_type with another type than a string, or timestamp
// with another type than a string or a [time.Time], Merge returns
// [ErrFieldType].
func (s *StateHandler[T]) Merge(ctx context.Context, id string, patches ...hashrepo.Patch[T]) (T, error) {
	if s == nil || s.HashRepo == nil {
		var zero T
		return zero, fault.Target{Op: "Merge", Pool: pool.Handlers}.NotApplied(
			fmt.Errorf("%w: the StateHandler is nil or zero; make one with NewStateHandler", ErrInvalidArgument))
	}
	if len(patches) > 0 {
		patches = append(slices.Clip(patches),
			hashrepo.Stamp[T]("handler_type", s.handler),
			hashrepo.Stamp[T]("timestamp", time.Now().UTC()))
	}
	return s.HashRepo.Merge(ctx, id, patches...)
}
