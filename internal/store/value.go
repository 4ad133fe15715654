package store

import (
	"fmt"
	"reflect"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Values is a Store whose records are, or are made of, whole values of one Go
// type: the core of the repositories of strings and of lists.
type Values struct {
	*Store
	goType reflect.Type
	typ    *codec.Type
}

// NewValues is New for values of type t. An error for a type that the codec
// cannot write wraps ErrInvalidSchema.
func NewValues(t reflect.Type, p *pool.Pools, a pool.Alias, space keyspace.Space, spec Spec, opts ...option.Option) (*Values, error) {
	s, err := New(p, a, space, spec, opts...)
	if err != nil {
		return nil, err
	}
	v := &Values{Store: s, goType: t}
	if err := v.compile(); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return v, nil
}

func (v *Values) compile() (err error) {
	if v.typ, err = codec.For(v.Codec, v.goType); err != nil {
		return fmt.Errorf("%w: %w", fault.ErrInvalidSchema, err)
	}
	return nil
}

// With is v with more options.
func (v *Values) With(opts ...option.Option) *Values {
	view := &Values{v.Store.With(opts...), v.goType, v.typ}
	if view.bad == nil {
		view.bad = view.compile()
	}
	return view
}

// OnPrimary is v that reads from no replica.
func (v *Values) OnPrimary() *Values { return &Values{v.Store.OnPrimary(), v.goType, v.typ} }

// In is v over another space.
func (v *Values) In(space keyspace.Space) *Values {
	return &Values{v.Store.In(space), v.goType, v.typ}
}

// Encode writes a value, within the pools' limit.
func (v *Values) Encode(t fault.Target, value reflect.Value) (string, error) {
	text, ok := v.typ.Text(value)
	if !ok {
		data, err := v.typ.Append(nil, value)
		if err != nil {
			return "", t.Refuse(err)
		}
		text = string(data)
	}
	return text, v.CheckSize(t, text)
}

// Decode reads a value into a settable one. Where the operation is a write, it
// has been applied.
func (v *Values) Decode(t fault.Target, text string, into reflect.Value) error {
	if err := v.typ.Decode(text, into); err != nil {
		into.SetZero()
		return t.Applied(err)
	}
	return nil
}
