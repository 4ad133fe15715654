package symphony

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Fields is what is written to a shared state: values of any type the codec
// knows, by field name.
type Fields = map[string]any

// Values is what a shared state holds: stored values by field name, each read
// as the type that the caller asks it for.
type Values map[string]codec.Value

// SharedState is scratch that the tools working for one user share: a hash for
// each state name, under `{tenant}:SS:{state}:{user}`. Every write leaves the
// fields that it does not name, and renews the state's lifetime of 24 hours.
type SharedState struct {
	fields *hashrepo.HashRepo[Fields]
	values *hashrepo.HashRepo[Values]
	origin sharedOrigin
}

// sharedOrigin is what another repository over the same records needs.
type sharedOrigin struct {
	pools *pool.Pools
	space keyspace.Space
	opts  []Option
}

// NewSharedState makes the repository of a user's shared states by name, on
// pool.SharedState. Nothing is sent. Errors: ErrInvalidKey, and those of
// hashrepo.New.
func NewSharedState(pools *pool.Pools, tenant, userID string, opts ...Option) (*SharedState, error) {
	space, rest, err := bind(pools, func(l keyspace.Layout) keyspace.Pattern { return l.SharedState },
		opts, tenant, keyspace.Any, userID)
	if err != nil {
		return nil, err
	}
	s := &SharedState{origin: sharedOrigin{pools, space, rest}}
	if s.fields, err = typedState[Fields](s.origin); err != nil {
		return nil, err
	}
	s.values, err = typedState[Values](s.origin)
	return s, err
}

func typedState[T any](o sharedOrigin) (*hashrepo.HashRepo[T], error) {
	return hashrepo.New[T](o.pools, pool.SharedState, o.space, o.opts...)
}

// StateOf gives typed access to the same records, by state name. Errors: those
// of hashrepo.New; ErrInvalidArgument for a nil ss, which is what SharedStateFrom
// gives where there is none.
func StateOf[T any](ss *SharedState) (*hashrepo.HashRepo[T], error) {
	if ss == nil {
		return nil, fmt.Errorf("symphony: %w: the SharedState is nil; BindSharedState puts one into a context", ErrInvalidArgument)
	}
	return typedState[T](ss.origin)
}

// With is a view with more options; see hashrepo.HashRepo.With.
func (s *SharedState) With(opts ...Option) *SharedState {
	origin := s.origin
	origin.opts = slices.Concat(origin.opts, opts)
	return &SharedState{s.fields.With(opts...), s.values.With(opts...), origin}
}

// Upsert writes fields and leaves the others; a nil value removes its field.
// See hashrepo.HashRepo.Upsert.
func (s *SharedState) Upsert(ctx context.Context, state string, f Fields) error {
	return s.fields.Upsert(ctx, state, f)
}

// Get reads all the fields of a state: HGETALL. Errors: ErrNotFound.
func (s *SharedState) Get(ctx context.Context, state string) (Values, error) {
	return s.values.Get(ctx, state)
}

// GetField reads one field into dst, a pointer to what it is read as; a field
// that is absent leaves the zero value. See hashrepo.HashRepo.GetField.
func (s *SharedState) GetField(ctx context.Context, state, field string, dst any) error {
	return s.fields.GetField(ctx, state, field, dst)
}

// UpdateField writes one field and leaves the others. See
// hashrepo.HashRepo.UpdateField.
func (s *SharedState) UpdateField(ctx context.Context, state, field string, value any) error {
	return s.fields.UpdateField(ctx, state, field, value)
}

// DeleteField removes fields and counts those that were there. See
// hashrepo.HashRepo.DeleteField.
func (s *SharedState) DeleteField(ctx context.Context, state string, fields ...string) (int64, error) {
	return s.fields.DeleteField(ctx, state, fields...)
}

// Delete removes states and counts those that were there. See
// hashrepo.HashRepo.Delete.
func (s *SharedState) Delete(ctx context.Context, states ...string) (int64, error) {
	return s.fields.Delete(ctx, states...)
}

// Exists reports whether there is a state: EXISTS.
func (s *SharedState) Exists(ctx context.Context, state string) (bool, error) {
	return s.fields.Exists(ctx, state)
}

// TTL tells how long a state has to live, or hashrepo.NoExpiry: PTTL. Errors:
// ErrNotFound.
func (s *SharedState) TTL(ctx context.Context, state string) (time.Duration, error) {
	return s.fields.TTL(ctx, state)
}

// Touch gives a state its lifetime from now on, and reports whether there is
// one. See hashrepo.HashRepo.Touch.
func (s *SharedState) Touch(ctx context.Context, state string) (bool, error) {
	return s.fields.Touch(ctx, state)
}

// States lists the names of the user's states, sorted: SCAN.
func (s *SharedState) States(ctx context.Context) ([]string, error) {
	var states []string
	for state, err := range s.fields.IDs(ctx) {
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	slices.Sort(states)
	return states, nil
}

// Clear removes every state of the user, and of no other, and counts them. See
// hashrepo.HashRepo.DeleteAll.
func (s *SharedState) Clear(ctx context.Context) (int64, error) { return s.fields.DeleteAll(ctx) }
