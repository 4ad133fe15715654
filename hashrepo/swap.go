package hashrepo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// swap is the patches on one field that a script cannot make: the field is
// read, changed here, and written if it still holds what was read.
type swap struct {
	name  string
	field *field // as what it is patched
	steps []step
	kind  string   // of the change that writes the field
	life  []string // what belongs to the kind
}

// step makes a field's text of the one before; "" and false is no field.
type step func(text string, present bool) (string, bool, error)

func newSwap(name string, f *field) *swap { return &swap{name: name, field: f, kind: "put"} }

func (ch *changes) swapOf(name string) *swap {
	for _, s := range ch.swaps {
		if s.name == name {
			return s
		}
	}
	return nil
}

// join adds a patch to the steps.
func (s *swap) join(c *core, p *patch) error {
	switch p.kind {
	case kindAdd:
		by := reflect.ValueOf(p.value)
		s.steps = append(s.steps, s.changing(func(v reflect.Value) error { return addTo(v, by) }))
		return nil
	case kindAppend:
		elements, err := listOf(s.field.Field.Type, p.value)
		s.steps = append(s.steps, s.appending(elements))
		return err
	}
	text, present := "", false
	if p.kind != kindClear {
		var err error
		if text, present, err = c.encodeField(p.name, p.value); err != nil {
			return err
		}
	}
	s.kind, s.life = "set", nil
	if p.kind == kindSetFor && present {
		s.kind, s.life = "for", []string{store.Milliseconds(p.life)}
	}
	s.steps = append(s.steps, func(string, bool) (string, bool, error) { return text, present, nil })
	return nil
}

// changing is the step that changes the value which a text stands for.
func (s *swap) changing(change func(reflect.Value) error) step {
	return func(text string, present bool) (string, bool, error) {
		v := reflect.New(s.field.Field.Type).Elem()
		if present {
			if err := s.field.Decode(text, v); err != nil {
				return "", false, s.misfit(err)
			}
		}
		if err := change(v); err != nil {
			return "", false, err
		}
		data, err := s.field.Append(nil, v)
		return string(data), true, err
	}
}

// appending is the step that appends elements, to the text itself where the
// codec can do that.
func (s *swap) appending(elements reflect.Value) step {
	rewrite := s.changing(func(v reflect.Value) error {
		v.Set(reflect.AppendSlice(v, elements))
		return nil
	})
	return func(text string, present bool) (string, bool, error) {
		if present {
			if longer, ok, err := s.field.Extend(text, elements); ok {
				return longer, true, s.misfit(err)
			}
		}
		return rewrite(text, present)
	}
}

// misfit says of a text that cannot be read why the patch is refused.
func (s *swap) misfit(err error) error {
	var bad *codec.DecodeError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", fault.ErrFieldType, bad.In(s.name))
	}
	return err
}

// read gives the changes for the swaps as the record now stands.
func (c *core) read(ctx context.Context, t fault.Target, swaps []*swap) (*changes, error) {
	names := make([]string, len(swaps))
	for i, s := range swaps {
		names[i] = s.name
	}
	texts, err := c.OnPrimary().Client.Do(ctx, c.Client.B().Hmget().Key(t.Key).Field(names...).Build()).ToArray()
	if err == nil && len(texts) != len(names) {
		err = errShort
	}
	if err != nil {
		return nil, readOnly(t).Failed(err)
	}
	ch := &changes{}
	for i, s := range swaps {
		if err := c.change(ch, s, texts[i]); err != nil {
			return nil, refuse(t.WithField(s.name), err)
		}
	}
	return ch, nil
}

// readOnly is t for a command that changes nothing.
func readOnly(t fault.Target) fault.Target {
	t.Write = false
	return t
}

// change makes the steps on what the field holds.
func (c *core) change(ch *changes, s *swap, held rueidis.RedisMessage) (err error) {
	text, present, there := "", !held.IsNil(), ""
	if present {
		there = "1"
		if text, err = held.ToString(); err != nil {
			return err
		}
	}
	typ := s.field.Field.Type
	ch.add(typ, "was", s.name, there, text)
	for _, step := range s.steps {
		if text, present, err = step(text, present); err != nil {
			return err
		}
	}
	if !present {
		ch.add(typ, "clear", s.name)
		return nil
	}
	ch.add(typ, s.kind, s.name, append([]string{text}, s.life...)...)
	return c.tooLarge(len(text))
}

// addTo adds a number to another of any numeric type, within its range.
func addTo(v, by reflect.Value) error {
	if v.CanFloat() {
		sum := v.Float() + by.Float()
		finite := !math.IsInf(v.Float(), 0) && !math.IsInf(by.Float(), 0)
		if finite && (math.IsInf(sum, 0) || v.OverflowFloat(sum)) {
			return overflow(v.Type())
		}
		v.SetFloat(sum)
		return nil
	}
	sum := new(big.Int).Add(integer(v), integer(by))
	switch {
	case v.CanInt() && sum.IsInt64() && !v.OverflowInt(sum.Int64()):
		v.SetInt(sum.Int64())
	case v.CanUint() && sum.IsUint64() && !v.OverflowUint(sum.Uint64()) && (by.CanUint() || sum.IsInt64()):
		v.SetUint(sum.Uint64())
	default:
		return overflow(v.Type())
	}
	return nil
}

func integer(v reflect.Value) *big.Int {
	if v.CanInt() {
		return big.NewInt(v.Int())
	}
	return new(big.Int).SetUint64(v.Uint())
}
