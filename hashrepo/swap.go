package hashrepo

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// swap is the patches on one field that a script cannot make: the field is
// read, changed here, and written if it still holds what was read.
type swap struct {
	name  string
	field *field // as what it is patched
	steps []func(reflect.Value) error
	keeps bool   // whether the last step leaves the field there
	kind  string // of the change that writes it; "" as long as it is put
	life  []string
}

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
	if p.grows() {
		s.keeps = true
		return s.joinGrowth(p)
	}
	text, present := "", false
	if p.kind != kindClear {
		var err error
		if text, present, err = c.encodeField(p.name, p.value); err != nil {
			return err
		}
	}
	s.kind, s.life, s.keeps = "set", nil, present
	if p.kind == kindSetFor {
		s.kind, s.life = "for", []string{store.Milliseconds(p.life)}
	}
	s.steps = append(s.steps, func(v reflect.Value) error {
		v.SetZero()
		if !present {
			return nil
		}
		return s.field.Decode(text, v)
	})
	return nil
}

func (s *swap) joinGrowth(p *patch) error {
	if p.kind == kindAdd {
		by := reflect.ValueOf(p.value)
		s.steps = append(s.steps, func(v reflect.Value) error { return addTo(v, by) })
		return nil
	}
	elements, err := listOf(s.field.Field.Type, p.value)
	s.steps = append(s.steps, func(v reflect.Value) error {
		v.Set(reflect.AppendSlice(v, elements))
		return nil
	})
	return err
}

// read gives the changes for the swaps as the record now stands.
func (c *core) read(ctx context.Context, t fault.Target, swaps []*swap) (*changes, error) {
	names := make([]string, len(swaps))
	for i, s := range swaps {
		names[i] = s.name
	}
	texts, err := c.Client.Do(ctx, c.Client.B().Hmget().Key(t.Key).Field(names...).Build()).ToArray()
	if err != nil {
		return nil, readOnly(t).Sent(err)
	}
	ch := &changes{}
	for i, s := range swaps {
		if err := c.change(ch, s, texts[i]); err != nil {
			return nil, refuse(t.On(s.name), err)
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
func (c *core) change(ch *changes, s *swap, held rueidis.RedisMessage) error {
	typ := s.field.Field.Type
	v := reflect.New(typ).Elem()
	before, there := "", ""
	if !held.IsNil() {
		there = "1"
		var err error
		if before, err = held.ToString(); err != nil {
			return err
		}
		if err := s.field.Decode(before, v); err != nil {
			return fmt.Errorf("%w: %w", fault.ErrFieldType, err)
		}
	}
	for _, step := range s.steps {
		if err := step(v); err != nil {
			return err
		}
	}
	ch.add(typ, "was", s.name, there, before)
	if !s.keeps {
		ch.add(typ, "clear", s.name)
		return nil
	}
	text, err := s.field.Append(nil, v)
	if err != nil {
		return err
	}
	ch.add(typ, orPut(s.kind), s.name, append([]string{string(text)}, s.life...)...)
	return c.tooLarge(len(text))
}

func orPut(kind string) string {
	if kind == "" {
		return "put"
	}
	return kind
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
