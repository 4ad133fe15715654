package store

import (
	"context"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// ValueStore is a Store whose records consist of encoded values of one Go type.
// It is the core of the repositories of strings and of lists.
type ValueStore struct {
	*Store
	goType reflect.Type
	typ    *codec.Type
}

// NewValueStore is like [New], for values of type t. If the codec cannot encode
// the type, it returns [fault.ErrInvalidSchema].
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

// compile sets the codec of the type.
func (v *ValueStore) compile() (err error) {
	if v.typ, err = codec.For(v.Encoding(), v.goType); err != nil {
		return fmt.Errorf("%w: %w", fault.ErrInvalidSchema, err)
	}
	v.typ = v.typ.WithMaxDecoded(v.MaxDecodedBytes())
	return nil
}

// With is like [Store.With].
func (v *ValueStore) With(opts ...pool.Option) *ValueStore {
	view := &ValueStore{v.Store.With(opts...), v.goType, v.typ}
	if view.err == nil {
		view.err = view.compile()
	}
	return view
}

// OnPrimary is like [Store.OnPrimary].
func (v *ValueStore) OnPrimary() *ValueStore {
	return &ValueStore{v.Store.OnPrimary(), v.goType, v.typ}
}

// WithError is like [Store.WithError].
func (v *ValueStore) WithError(err error) *ValueStore {
	return &ValueStore{v.Store.WithError(err), v.goType, v.typ}
}

// WithSpace is like [Store.WithSpace].
func (v *ValueStore) WithSpace(space keyspace.Space) *ValueStore {
	return &ValueStore{v.Store.WithSpace(space), v.goType, v.typ}
}

// Format returns the [FormatOf] the values.
func (v *ValueStore) Format() any { return FormatOf(v.goType, v.Codec, v.typ) }

// FormatOf returns a comparable value that identifies a Go type and a codec. If
// the codec is not comparable, it returns fallback.
func FormatOf(t reflect.Type, c codec.Codec, fallback any) any {
	if reflect.ValueOf(c).Comparable() {
		return format{t, c}
	}
	return fallback
}

type format struct {
	typ   reflect.Type
	codec codec.Codec
}

// Type returns the Go type of the values.
func (v *ValueStore) Type() reflect.Type { return v.goType }

// Encode returns the encoded value, as it is stored. If it is longer than
// [Store.MaxValueBytes], Encode returns [fault.ErrTooLarge].
func (v *ValueStore) Encode(t fault.Target, value reflect.Value) (string, error) {
	text, err := v.EncodePlain(t, value)
	if err != nil {
		return "", err
	}
	return v.Seal(t, text)
}

// EncodePlain returns the encoded value before it is sealed.
func (v *ValueStore) EncodePlain(t fault.Target, value reflect.Value) (string, error) {
	if text, ok := v.typ.Verbatim(value); ok {
		return text, nil
	}
	data, err := v.typ.Append(nil, value)
	if err != nil {
		return "", t.NotApplied(err)
	}
	return string(data), nil
}

// Seal returns the text of [ValueStore.EncodePlain] as it is stored. If it is
// longer than [Store.MaxValueBytes], Seal returns [fault.ErrTooLarge].
func (v *ValueStore) Seal(t fault.Target, text string) (string, error) {
	if v.sealing != nil {
		var err error
		if text, err = v.Place(t).Seal("", text); err != nil {
			return "", t.NotApplied(err)
		}
	}
	return text, v.CheckSize(t, text)
}

// Decode decodes text into a settable value. If it fails, it sets the value to
// zero, and the error of a write reports that the write was applied.
func (v *ValueStore) Decode(t fault.Target, text string, into reflect.Value) error {
	err := v.decode(t, text, into)
	if err != nil {
		into.SetZero()
		return t.Applied(err)
	}
	return nil
}

func (v *ValueStore) decode(t fault.Target, text string, into reflect.Value) error {
	if v.sealing != nil {
		var err error
		if text, err = v.Place(t).Open(text, ""); err != nil {
			return &codec.DecodeError{Type: v.goType, Err: err}
		}
	}
	return v.typ.Decode(text, into)
}

// Get reads one value with GET. If there is none, it returns
// [fault.ErrNotFound].
func (v *ValueStore) Get(ctx context.Context, t fault.Target, into reflect.Value) error {
	reply, err := v.Client.Do(t.In(ctx), v.Client.B().Get().Key(t.Key).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return t.Failed(err)
	}
	found, err := v.DecodeReply(t, &reply, into)
	if err == nil && !found {
		err = t.NotApplied(fault.ErrNotFound)
	}
	return err
}

// DecodeReply decodes the reply of GET. It reports whether there is a value.
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

// GetMany reads values with GET, in one pipeline. found[i] reports whether
// ids[i] has a value. The error joins those of the values that could not be
// read. If an id is invalid or ctx has ended, GetMany sends nothing and returns
// that error.
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
	for i, result := range v.Client.DoMulti(fault.In(ctx, targets), cmds...) {
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
	return found, fault.Join(errs...)
}

// Collect returns the records that read finds for ids, in the order of ids. It
// leaves out the ids that have no record. For record i, begin sets its id and
// returns its value, which read fills in.
func Collect[R any](ids []string, begin func(r *R, id string) reflect.Value,
	read func(into func(i int) reflect.Value) (found []bool, err error),
) ([]R, error) {
	records := make([]R, len(ids))
	found, err := read(func(i int) reflect.Value { return begin(&records[i], ids[i]) })
	kept := records[:0]
	for i, ok := range found {
		if ok {
			kept = append(kept, records[i])
		}
	}
	return kept, err
}
