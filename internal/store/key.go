package store

import (
	"cmp"
	"context"
	_ "embed"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
)

// NoExpiry is the result of [Store.TTL] for a record that has no lifetime.
const NoExpiry time.Duration = -1

// Exists reports whether the record exists. It sends EXISTS.
func (s *Store) Exists(ctx context.Context, id string) (bool, error) {
	t, err := s.Begin(ctx, "Exists", id)
	if err != nil {
		return false, err
	}
	n, err := readInteger(t, s.Client.Do(t.In(ctx), s.Client.B().Exists().Key(t.Key).Build()), Flag)
	return n == 1, err
}

// TTL returns the remaining lifetime of the record, or [NoExpiry] if it has
// none. It sends PTTL. A lifetime that a time.Duration cannot hold is returned
// as the longest possible one. If the record does not exist, TTL returns
// [fault.ErrNotFound].
func (s *Store) TTL(ctx context.Context, id string) (time.Duration, error) {
	t, err := s.Begin(ctx, "TTL", id)
	if err != nil {
		return 0, err
	}
	ms, err := readInteger(t, s.Client.Do(t.In(ctx), s.Client.B().Pttl().Key(t.Key).Build()), Lifetime)
	switch {
	case err != nil:
		return 0, err
	case ms == -2:
		return 0, t.NotApplied(fault.ErrNotFound)
	case ms == -1:
		return NoExpiry, nil
	}
	return duration.FromMilliseconds(ms), nil
}

//go:embed lua/touch.lua
var touchSource string

var touchScript = NewScript(touchSource, Flag)

// Touch renews the lifetime of the record and reports whether the record
// exists. It runs a script, in one round trip. With KeepTTL, it changes
// nothing. With IfExists, it returns [fault.ErrNotFound] if the record does not
// exist. If the key holds another Redis type, it returns [fault.ErrWrongType].
// If the options include IfAbsent or IfVersion, it returns
// [fault.ErrUnsupported].
func (s *Store) Touch(ctx context.Context, id string) (bool, error) {
	t, err := s.BeginWrite(ctx, "Touch", id)
	if err != nil {
		return false, err
	}
	if err := cmp.Or(s.RefuseAbsent(t), s.RefuseVersion(t)); err != nil {
		return false, err
	}
	m, err := s.Run(ctx, t, touchScript, nil)
	if err != nil {
		return false, err
	}
	n, err := m.ToInt64()
	return n == 1, err
}

// Delete removes records and returns how many existed. It sends UNLINK for each
// id, in one pipeline. The pipeline is not atomic. If an id is invalid, Delete
// sends nothing. If the options include IfAbsent, it returns
// [fault.ErrUnsupported].
func (s *Store) Delete(ctx context.Context, ids ...string) (int64, error) {
	cmds := make(rueidis.Commands, 0, len(ids))
	targets := make([]fault.Target, 0, len(ids))
	for _, id := range ids {
		t, err := s.BeginWrite(ctx, "Delete", id)
		if err != nil {
			return 0, err
		}
		if err := s.RefuseAbsent(t); err != nil {
			return 0, err
		}
		targets = append(targets, t)
		cmds = append(cmds, s.Client.B().Unlink().Key(t.Key).Build())
	}
	if len(cmds) == 0 {
		return 0, nil
	}
	return sumFlags(targets, s.SendAll(ctx, targets, cmds...))
}

// UnlinkAll removes the keys of targets, whatever their types. It sends UNLINK
// for each, in one pipeline.
func (s *Store) UnlinkAll(ctx context.Context, targets []fault.Target) error {
	cmds := make(rueidis.Commands, len(targets))
	for i, t := range targets {
		cmds[i] = s.Client.B().Unlink().Key(t.Key).Build()
	}
	_, err := sumFlags(targets, s.SendAll(ctx, targets, cmds...))
	return err
}
