package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Values is a Store whose records are, or are made of, whole values of one Go
// type: the core of the repositories of strings and of lists.
type ValueStore struct {
	*Store
	goType reflect.Type
	typ    *codec.Type
}

// NewValues is New for values of type t. An error for a type that the codec
// cannot write wraps ErrInvalidSchema.
func NewValueStore(t reflect.Type, p *pool.Pools, a pool.Alias, space keyspace.Space, spec Spec, opts ...pool.Option) (*ValueStore, error) {
	s, err := New(p, a, space, spec, opts...)
	if err != nil {
		return nil, err
	}
	v := &ValueStore{Store: s, goType: t}
	if err := v.compile(); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return v, nil
}

func (v *ValueStore) compile() (err error) {
	if v.typ, err = codec.For(v.Codec, v.goType); err != nil {
		return fmt.Errorf("%w: %w", fault.ErrInvalidSchema, err)
	}
	v.typ = v.typ.WithMaxDecoded(v.MaxDecodedBytes())
	return nil
}

// With is v with more options.
func (v *ValueStore) With(opts ...pool.Option) *ValueStore {
	view := &ValueStore{v.Store.With(opts...), v.goType, v.typ}
	if view.err == nil {
		view.err = view.compile()
	}
	return view
}

// OnPrimary is v that reads from no replica.
func (v *ValueStore) OnPrimary() *ValueStore {
	return &ValueStore{v.Store.OnPrimary(), v.goType, v.typ}
}

// In is v over another space.
func (v *ValueStore) WithSpace(space keyspace.Space) *ValueStore {
	return &ValueStore{v.Store.WithSpace(space), v.goType, v.typ}
}

// Shape stands for the type of the values and their codec.
func (v *ValueStore) Format() any { return FormatOf(v.goType, v.Codec, v.typ) }

// ShapeOf stands for a Go type and a codec. It is own where the codec holds
// what cannot be compared.
func FormatOf(t reflect.Type, c codec.Codec, own any) any {
	if reflect.ValueOf(c).Comparable() {
		return format{t, c}
	}
	return own
}

type format struct {
	typ   reflect.Type
	codec codec.Codec
}

// Type is the Go type of the values.
func (v *ValueStore) Type() reflect.Type { return v.goType }

// Encode writes a value, within the pools' limit.
func (v *ValueStore) Encode(t fault.Target, value reflect.Value) (string, error) {
	text, ok := v.typ.Verbatim(value)
	if !ok {
		data, err := v.typ.Append(nil, value)
		if err != nil {
			return "", t.NotApplied(err)
		}
		text = string(data)
	}
	return text, v.CheckSize(t, text)
}

// Decode reads a value into a settable one. Where the operation is a write, it
// has been applied.
func (v *ValueStore) Decode(t fault.Target, text string, into reflect.Value) error {
	if err := v.typ.Decode(text, into); err != nil {
		into.SetZero()
		return t.Applied(err)
	}
	return nil
}

// Get reads one value: GET.
func (v *ValueStore) Get(ctx context.Context, t fault.Target, into reflect.Value) error {
	reply, err := v.Client.Do(ctx, v.Client.B().Get().Key(t.Key).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return t.Failed(err)
	}
	found, err := v.DecodeReply(t, &reply, into)
	if err == nil && !found {
		err = t.NotApplied(fault.ErrNotFound)
	}
	return err
}

// DecodeReply reads a reply to GET. It reports false where there is no value.
func (v *ValueStore) DecodeReply(t fault.Target, reply *rueidis.RedisMessage, into reflect.Value) (found bool, err error) {
	if reply.IsNil() {
		return false, nil
	}
	if err := Shape(Text).Check(t, *reply); err != nil {
		return false, err
	}
	text, err := reply.ToString()
	if err != nil {
		return false, t.Failed(err)
	}
	return true, v.Decode(t, text, into)
}

// GetMany reads values in one round trip. found[i] tells of ids[i]; the error
// joins those of the values that could not be read.
func (v *ValueStore) GetMany(ctx context.Context, op string, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
	targets := make([]fault.Target, len(ids))
	cmds := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		if targets[i], err = v.Begin(ctx, op, id); err != nil {
			return nil, err
		}
		cmds[i] = v.Client.B().Get().Key(targets[i].Key).Build()
	}
	found = make([]bool, len(ids))
	var errs []error
	for i, result := range v.Client.DoMulti(ctx, cmds...) {
		reply, err := result.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			errs = append(errs, targets[i].Failed(err))
			continue
		}
		there, err := v.DecodeReply(targets[i], &reply, into(i))
		if found[i] = there && err == nil; err != nil {
			errs = append(errs, err)
		}
	}
	return found, errors.Join(errs...)
}
