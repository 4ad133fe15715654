package symphony

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Fields are the fields that a write of a [SharedState] sets: values of any
// type that the codec can encode, by field name.
type Fields = map[string]any

// Values are the fields of a [SharedState], by field name. A [codec.Value] is
// decoded as the type that its caller asks for.
//
// Package encoding/json writes Values as an object, and reads them; see
// [codec.Value.MarshalJSON]. [Values.Map] returns plain Go values.
type Values map[string]codec.Value

// Map returns the fields as the Go types that their encodings suggest; see
// [codec.Value.Any]. With [codec.Compact] a string "12" is returned as a
// number, and a bool as 0 or 1. If you know the types, use [StateOf].
//
// If a field cannot be decoded, Map returns a [*codec.DecodeError] that names
// it.
func (v Values) Map() (map[string]any, error) {
	all := make(map[string]any, len(v))
	for field, value := range v {
		x, err := value.Any()
		var bad *codec.DecodeError
		if errors.As(err, &bad) {
			err = bad.In(field)
		}
		if err != nil {
			return nil, err
		}
		all[field] = x
	}
	return all, nil
}

// SharedState is the repository of the scratch states that the tools of one
// user share, by state name. A state is a hash with the key
// `{tenant}:SS:{state}:{user}`. A write changes only the fields that it names,
// and renews the lifetime of the state, 24 hours by default.
//
// The calls of a SharedState that is nil or zero return [ErrInvalidArgument].
//
// Its methods are:
//
//   - read: [SharedState.Get], [SharedState.GetField], [SharedState.States],
//     [SharedState.Exists]
//   - write: [SharedState.Upsert], [SharedState.UpdateField],
//     [SharedState.DeleteField]
//   - delete: [SharedState.Delete], [SharedState.Clear]
//   - lifetimes: [SharedState.TTL], [SharedState.Touch]
//   - lists: [SharedState.Reindex], [SharedState.Sweep]
//   - keys of sealed fields: [SharedState.Reseal]
//   - options: [SharedState.With]
//
// [StateOf] returns a typed repository of the same records. [BindSharedState]
// and [SharedStateFrom] carry a SharedState in a context.
type SharedState struct {
	fields *hashrepo.HashRepo[Fields]
	values *hashrepo.HashRepo[Values]
	origin sharedOrigin
}

// sharedOrigin holds the arguments for another repository of the same records.
type sharedOrigin struct {
	pools *pool.Pools
	space keyspace.Space
	opts  []Option
}

// NewSharedState returns the repository of a user's shared states, on
// [pool.SharedState]. It sends nothing.
//
// If the tenant or the user cannot be part of a key, NewSharedState returns
// [ErrInvalidKey]. It also returns the errors of [hashrepo.New].
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

// StateOf returns a typed repository of the same records, with the options of
// ss. If ss has a list, both repositories keep the same one. It sends nothing.
//
// If ss is nil, StateOf returns [ErrInvalidArgument]. It also returns the
// errors of [hashrepo.New].
func StateOf[T any](ss *SharedState) (*hashrepo.HashRepo[T], error) {
	if ss == nil || ss.fields == nil {
		return nil, fmt.Errorf("symphony: %w", errNoSharedState)
	}
	return typedState[T](ss.origin)
}

// With returns a view with more options; see [hashrepo.HashRepo.With].
func (s *SharedState) With(opts ...Option) *SharedState {
	if s == nil || s.fields == nil {
		return s
	}
	origin := s.origin
	origin.opts = slices.Concat(origin.opts, opts)
	return &SharedState{s.fields.With(opts...), s.values.With(opts...), origin}
}

// Upsert writes the fields of a state that f names. It creates a missing state.
// A nil value removes its field. See [hashrepo.HashRepo.Upsert].
func (s *SharedState) Upsert(ctx context.Context, state string, f Fields) error {
	if err := s.ready("Upsert"); err != nil {
		return err
	}
	return s.fields.Upsert(ctx, state, f)
}

// Get returns all fields of a state. It sends HGETALL. [Values] can be written
// as JSON.
//
// If the state does not exist, Get returns [ErrNotFound].
func (s *SharedState) Get(ctx context.Context, state string) (Values, error) {
	if err := s.ready("Get"); err != nil {
		return nil, err
	}
	return s.values.Get(ctx, state)
}

// GetField decodes one field into the value that dst points to. If the field is
// absent, the value becomes zero. See [hashrepo.HashRepo.GetField].
//
// If the state does not exist, GetField returns [ErrNotFound].
func (s *SharedState) GetField(ctx context.Context, state, field string, dst any) error {
	if err := s.ready("GetField"); err != nil {
		return err
	}
	return s.fields.GetField(ctx, state, field, dst)
}

// UpdateField writes one field of a state. It creates a missing state. See
// [hashrepo.HashRepo.UpdateField].
func (s *SharedState) UpdateField(ctx context.Context, state, field string, value any) error {
	if err := s.ready("UpdateField"); err != nil {
		return err
	}
	return s.fields.UpdateField(ctx, state, field, value)
}

// DeleteField removes fields of a state and returns the number of fields that
// it removed. See [hashrepo.HashRepo.DeleteField].
func (s *SharedState) DeleteField(ctx context.Context, state string, fields ...string) (int64, error) {
	if err := s.ready("DeleteField"); err != nil {
		return 0, err
	}
	return s.fields.DeleteField(ctx, state, fields...)
}

// Delete removes states and returns the number of states that it removed. See
// [hashrepo.HashRepo.Delete].
func (s *SharedState) Delete(ctx context.Context, states ...string) (int64, error) {
	if err := s.ready("Delete"); err != nil {
		return 0, err
	}
	return s.fields.Delete(ctx, states...)
}

// Exists reports whether a state exists. It sends EXISTS.
func (s *SharedState) Exists(ctx context.Context, state string) (bool, error) {
	if err := s.ready("Exists"); err != nil {
		return false, err
	}
	return s.fields.Exists(ctx, state)
}

// TTL returns the remaining lifetime of a state, or [hashrepo.NoExpiry] if it
// has none. It sends PTTL.
//
// If the state does not exist, TTL returns [ErrNotFound].
func (s *SharedState) TTL(ctx context.Context, state string) (time.Duration, error) {
	if err := s.ready("TTL"); err != nil {
		return 0, err
	}
	return s.fields.TTL(ctx, state)
}

// Touch renews the lifetime of a state and reports whether the state exists.
// See [hashrepo.HashRepo.Touch].
func (s *SharedState) Touch(ctx context.Context, state string) (bool, error) {
	if err := s.ready("Touch"); err != nil {
		return false, err
	}
	return s.fields.Touch(ctx, state)
}

// States returns the names of the user's states, sorted. With [Listed] it reads
// the list of the states. Otherwise it sends SCAN, over the whole database. It
// is not atomic: a state that is written or removed during the call may be
// returned or left out. See [hashrepo.HashRepo.IDs].
func (s *SharedState) States(ctx context.Context) ([]string, error) {
	if err := s.ready("States"); err != nil {
		return nil, err
	}
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

// Clear removes all states of the user and returns their number. See
// [hashrepo.HashRepo.DeleteAll].
func (s *SharedState) Clear(ctx context.Context) (int64, error) {
	if err := s.ready("Clear"); err != nil {
		return 0, err
	}
	return s.fields.DeleteAll(ctx)
}

// Reindex completes the list of the user's states; see
// [hashrepo.HashRepo.Reindex]. Until it has run once for the user, States and
// Clear send SCAN as without a list. It sends SCAN itself.
//
// If the SharedState was made without [Listed], the error is [ErrUnsupported].
func (s *SharedState) Reindex(ctx context.Context) iter.Seq2[hashrepo.Progress, error] {
	if err := s.ready("Reindex"); err != nil {
		return func(yield func(hashrepo.Progress, error) bool) { yield(hashrepo.Progress{}, err) }
	}
	return s.fields.Reindex(ctx)
}

// Sweep removes the names of states that have expired from the list of the
// user's states, and returns their number; see [hashrepo.HashRepo.Sweep].
//
// If the SharedState was made without [Listed], Sweep returns
// [ErrUnsupported].
func (s *SharedState) Sweep(ctx context.Context) (int64, error) {
	if err := s.ready("Sweep"); err != nil {
		return 0, err
	}
	return s.fields.Sweep(ctx)
}

// Reseal seals the fields of all states of the user with the current key; see
// [hashrepo.HashRepo.Reseal].
//
// If the codec is not sealed, the error is [ErrUnsupported].
func (s *SharedState) Reseal(ctx context.Context) iter.Seq2[codec.Resealed, error] {
	if err := s.ready("Reseal"); err != nil {
		return func(yield func(codec.Resealed, error) bool) { yield(codec.Resealed{}, err) }
	}
	return s.fields.Reseal(ctx)
}

// ready returns an error if s is nil or zero.
func (s *SharedState) ready(op string) error {
	if s == nil || s.fields == nil {
		return fault.Target{Op: op, Pool: pool.SharedState}.NotApplied(errNoSharedState)
	}
	return nil
}

var errNoSharedState = fmt.Errorf("%w: the SharedState is nil or zero; make one with NewSharedState, or let BindSharedState put one into the context", ErrInvalidArgument)
