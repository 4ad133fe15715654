package kvrepo

import (
	"context"
	_ "embed"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/swap.lua
var swapSource string

var swapScript = store.NewScript(swapSource, store.Flag)

// Mutate reads a value, lets change alter it, and writes it if nobody wrote
// meanwhile. Otherwise it begins anew, after a random pause: change is called
// again, on fresh data, until ctx ends. If ctx has no deadline, no attempt begins
// later than Config.Timeout after the first was overtaken. The time that change
// takes is not bounded. A missing value is zero, and is
// created; see IfExists and IfAbsent. It gives the value that it wrote.
//
// It sends GET, and one script, which compares what was read. The writing is
// atomic; the lifetime is renewed, see KeepTTL.
//
// Errors: that of change, as it is, and nothing is written; ErrConflict beside
// context.DeadlineExceeded or the context's error if every attempt was overtaken;
// those of Get and Set.
func (r *KVRepo[T]) Mutate(ctx context.Context, id string, change func(*T) error) (T, error) {
	var v, zero T
	m := mutation{ValueStore: r.core.OnPrimary(), value: reflect.ValueOf(&v).Elem()}
	if err := m.run(ctx, id, func() error { return change(&v) }); err != nil {
		return zero, err
	}
	return v, nil
}

// mutation is a Mutate under way.
type mutation struct {
	*store.ValueStore
	target fault.Target
	value  reflect.Value
}

func (m *mutation) run(ctx context.Context, id string, change func() error) (err error) {
	if m.target, err = m.BeginWrite(ctx, "Mutate", id); err != nil {
		return err
	}
	for attempts := m.Attempts(); ; {
		there, before, err := m.load(ctx)
		if err != nil {
			return err
		}
		after, err := m.change(before, there != "", change)
		if err != nil {
			return err
		}
		reply, err := m.Run(ctx, m.target, swapScript, []string{there, before, after})
		if err != nil {
			return err
		}
		switch done, err := reply.ToInt64(); {
		case err != nil:
			return m.target.Failed(err)
		case done == 1:
			return nil
		}
		if err := attempts.Pause(ctx); err != nil {
			return m.target.NotApplied(fmt.Errorf("%w again and again: %w", fault.ErrConflict, err))
		}
	}
}

// change gives the text of the changed value: where change altered nothing, what
// is stored, which may hold more than T knows.
func (m *mutation) change(before string, there bool, change func() error) (string, error) {
	was := ""
	if there {
		var err error
		if was, err = m.Encode(m.target, m.value); err != nil {
			return "", err
		}
	}
	if err := change(); err != nil {
		return "", err
	}
	after, err := m.Encode(m.target, m.value)
	if there && after == was {
		after = before
	}
	return after, err
}

// load reads the value, which the conditions must allow.
func (m *mutation) load(ctx context.Context) (there, text string, err error) {
	t := m.target
	t.Write = false
	m.value.SetZero()
	text, err = m.Client.Do(ctx, m.Client.B().Get().Key(t.Key).Build()).ToString()
	switch absent := rueidis.IsRedisNil(err); {
	case err != nil && !absent:
		return "", "", t.Failed(err)
	case absent && m.IfExists:
		return "", "", t.NotApplied(fault.ErrNotFound)
	case absent:
		return "", "", nil
	case m.IfAbsent:
		return "", "", t.NotApplied(fault.ErrExists)
	}
	return "1", text, m.Decode(t, text, m.value)
}
