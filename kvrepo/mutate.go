package kvrepo

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/mutate.lua
var mutateSource string

var mutateScript = store.NewScript(mutateSource, store.Flag)

// Mutate reads a value, calls change on it, writes it with optimistic
// concurrency, and returns the value that it wrote. If another writer changed
// the value in between, Mutate calls change again on fresh data. If the value
// does not exist, change receives the zero value, and Mutate creates the value.
//
// Each attempt sends GET to a primary and runs one script, which writes only if
// the stored bytes are those that were read. The write is atomic and renews the
// lifetime, or keeps it with [KeepTTL]. If change does not alter the value, the
// stored bytes do not change.
//
// Mutate pauses for a random time between attempts and makes attempts until ctx
// ends. If ctx has no deadline, Mutate stops trying [pool.Config.Timeout] after
// the first conflict. Mutate sets no limit on the time that change takes.
//
// If change returns an error, Mutate returns it unchanged and writes nothing.
// If change is nil, it returns [ErrInvalidArgument] and sends nothing.
// If every attempt met another writer, Mutate returns [ErrConflict], joined
// with [context.DeadlineExceeded] or the error of ctx. With [IfExists], it
// returns [ErrNotFound] if the value does not exist. With [IfAbsent], it
// returns [ErrExists] if the value exists. Other errors are those of
// [KVRepo.Get] and [KVRepo.Set].
func (r *KVRepo[T]) Mutate(ctx context.Context, id string, change func(*T) error) (T, error) {
	var v, zero T
	m := mutation{ValueStore: r.core.OnPrimary(), value: reflect.ValueOf(&v).Elem()}
	var call func() error
	if change != nil {
		call = func() error { return change(&v) }
	}
	if err := m.run(ctx, id, call); err != nil {
		return zero, err
	}
	return v, nil
}

// mutation is one call of Mutate.
type mutation struct {
	*store.ValueStore
	target fault.Target
	value  reflect.Value
}

func (m *mutation) run(ctx context.Context, id string, change func() error) (err error) {
	if m.target, err = m.BeginWrite(ctx, "Mutate", id); err != nil {
		return err
	}
	if change == nil {
		return m.target.NotApplied(store.ErrNilFunction)
	}
	for retries := m.Retries(); ; {
		before, found, err := m.read(ctx)
		if err != nil {
			return err
		}
		after, err := m.change(before, found, change)
		if err != nil {
			return err
		}
		flag := ""
		if found {
			flag = "1"
		}
		reply, err := m.Run(ctx, m.target, mutateScript, []string{flag, before, after})
		if err != nil {
			return err
		}
		switch written, err := reply.ToInt64(); {
		case err != nil:
			return m.target.Failed(err)
		case written == 1:
			return nil
		}
		if err := retries.Wait(ctx); err != nil {
			return m.target.NotApplied(fmt.Errorf("%w in every attempt: %w", fault.ErrConflict, err))
		}
		m.target.Operation.Retry()
	}
}

// change returns the encoded value after change was called. If change alters
// nothing, it returns before, which can hold more than T does.
func (m *mutation) change(before string, found bool, change func() error) (string, error) {
	unchanged := ""
	if found {
		var err error
		if unchanged, err = m.EncodePlain(m.target, m.value); err != nil {
			return "", err
		}
	}
	if err := change(); err != nil {
		return "", err
	}
	after, err := m.EncodePlain(m.target, m.value)
	if err != nil {
		return "", err
	}
	if found && after == unchanged {
		return before, m.CheckSize(m.target, after)
	}
	return m.Seal(m.target, after)
}

// read decodes the stored value and checks the conditions.
func (m *mutation) read(ctx context.Context) (text string, found bool, err error) {
	t := m.target
	t.Write = false
	m.value.SetZero()
	reply, err := m.Client.Do(t.In(ctx), m.Client.B().Get().Key(t.Key).Build()).ToMessage()
	if err == nil && !store.Text(reply) {
		err = store.ErrShape
	}
	switch absent := rueidis.IsRedisNil(err); {
	case err != nil && !absent:
		return "", false, t.Failed(err)
	case absent && m.IfExists:
		return "", false, t.NotApplied(fault.ErrNotFound)
	case absent:
		return "", false, nil
	case m.IfAbsent:
		return "", false, t.NotApplied(fault.ErrExists)
	}
	text, err = reply.ToString()
	return text, true, cmp.Or(err, m.Decode(t, text, m.value))
}
