package hashrepo

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
)

// Addition is the patch of [Number.Add]. Its methods limit the sum:
//
//	err := items.Update(ctx, id, Stock.Add(-3).AtLeast(0))
//
// The limits are conditions of the same atomic step. If the sum is not within
// them, the call with the patch returns [ErrOutOfRange] and changes nothing,
// also none of the other fields. The error says which number the field has. If
// the record does not exist, the field counts as 0 and nothing is created.
//
// Patches of one field apply in order, and each sum must be within the bounds
// of its own Addition.
type Addition[T any, N Numeric] struct{ *patch }

func (a Addition[T, N]) untyped(*T) *patch { return a.patch }

// AtLeast requires that the sum is low or greater. Of several calls the last
// one counts. A sum that is NaN is not within any bound.
//
// If low is NaN, or greater than the bound of [Addition.AtMost], the call with
// the patch returns [ErrInvalidArgument].
func (a Addition[T, N]) AtLeast(low N) Addition[T, N] {
	return a.within(func(b *bounds) { b.least = low })
}

// AtMost requires that the sum is high or less. Of several calls the last one
// counts. The errors are those of [Addition.AtLeast].
func (a Addition[T, N]) AtMost(high N) Addition[T, N] {
	return a.within(func(b *bounds) { b.greatest = high })
}

// within returns a copy of a with other bounds.
func (a Addition[T, N]) within(change func(*bounds)) Addition[T, N] {
	if a.patch == nil {
		return a
	}
	p, b := *a.patch, bounds{}
	if p.bounds != nil {
		b = *p.bounds
	}
	change(&b)
	p.bounds = &b
	return Addition[T, N]{&p}
}

// Apply adds to the field of a record and returns the sum. It is
// [HashRepo.Update] with the Addition, and one script reads the sum too.
//
//	left, err := Stock.Add(-3).AtLeast(0).Apply(ctx, items, id)
//
// Apply returns the errors of Update.
func (a Addition[T, N]) Apply(ctx context.Context, repo Repository[T], id string) (sum N, err error) {
	err = repo.hashRepo().core.increment(ctx, "Apply", id, patchesOf([]Patch[T]{a})[0], &sum)
	return sum, err
}

// bounds are the least and the greatest sum of an Addition. A bound that is nil
// is none.
type bounds struct{ least, greatest any }

// check returns ErrInvalidArgument if no sum of type typ can be within the
// bounds.
func (b *bounds) check(typ reflect.Type) error {
	least, greatest := b.of(typ)
	for _, bound := range []reflect.Value{least, greatest} {
		if bound.IsValid() && bound.CanFloat() && math.IsNaN(bound.Float()) {
			return fmt.Errorf("%w: a bound of the sum is NaN; no number is at least or at most NaN", fault.ErrInvalidArgument)
		}
	}
	if least.IsValid() && greatest.IsValid() && lessNumber(greatest, least) {
		return fmt.Errorf("%w: no sum is %v; swap the bounds", fault.ErrInvalidArgument, b)
	}
	return nil
}

// of returns the bounds as values of a number type. A bound that is none is the
// zero Value.
func (b *bounds) of(typ reflect.Type) (least, greatest reflect.Value) {
	if b == nil {
		return least, greatest
	}
	if b.least != nil {
		least = reflect.ValueOf(b.least).Convert(typ)
	}
	if b.greatest != nil {
		greatest = reflect.ValueOf(b.greatest).Convert(typ)
	}
	return least, greatest
}

// String returns the bounds as a condition, such as "at least 0".
func (b *bounds) String() string {
	switch {
	case b.greatest == nil:
		return fmt.Sprintf("at least %v", b.least)
	case b.least == nil:
		return fmt.Sprintf("at most %v", b.greatest)
	}
	return fmt.Sprintf("at least %v and at most %v", b.least, b.greatest)
}

// lessNumber reports whether a is less than b, a number of the same type.
func lessNumber(a, b reflect.Value) bool {
	switch {
	case a.CanInt():
		return a.Int() < b.Int()
	case a.CanUint():
		return a.Uint() < b.Uint()
	}
	return a.Float() < b.Float()
}

// addition is the sum of a field and the addend of an Add patch.
type addition struct {
	field           *field
	by              reflect.Value
	bounds          *bounds
	least, greatest reflect.Value // of the field's type; the zero Value: none
}

func newAddition(f *field, p *patch) *addition {
	least, greatest := p.bounds.of(f.Field.Type)
	return &addition{field: f, by: reflect.ValueOf(p.value), bounds: p.bounds, least: least, greatest: greatest}
}

// addOperation returns an Add patch as an operation of update.lua.
func addOperation(f *field, p *patch) (operation, error) {
	op := operation{kind: opAddInteger, field: p.name, typ: f.Field.Type}
	by := reflect.ValueOf(p.value)
	if isFloat(op.typ.Kind()) {
		text, err := f.Append(nil, by.Convert(op.typ))
		if err != nil {
			return op, err
		}
		op.kind, op.text = opAddFloat, string(text)
	} else {
		op.text = decimal(by)
		op.least, op.greatest = sumRange(op.typ, by.Type())
	}
	if p.bounds != nil {
		op.limit(newAddition(f, p))
	}
	return op, nil
}

// limit limits the sum of an operation to the bounds of an addition.
func (op *operation) limit(a *addition) {
	text := decimal
	if op.kind == opAddFloat {
		text = func(v reflect.Value) string { return strconv.FormatFloat(v.Float(), 'g', -1, 64) }
		op.kind, op.least, op.greatest = opAddFloatWithin, "-Inf", "Inf"
	}
	if a.least.IsValid() {
		op.least = text(a.least)
	}
	if a.greatest.IsValid() {
		op.greatest = text(a.greatest)
	}
	op.bounded = a
}

// sumError returns the error of an operation whose sum is out of range. stored
// is the text of the field, or empty if the field is absent.
func (op *operation) sumError(stored string) error {
	if op.bounded == nil {
		return overflowError(op.typ)
	}
	v := reflect.New(op.typ).Elem()
	if stored != "" {
		if err := op.bounded.field.Decode(stored, v); err != nil {
			return err
		}
	}
	if err := op.bounded.addTo(v); err != nil {
		return err
	}
	return overflowError(op.typ)
}

// addTo adds to v, a number of the field's type. If the sum is out of the
// bounds or the range of the type, v is not changed.
func (a *addition) addTo(v reflect.Value) error {
	if v.CanFloat() {
		return a.addToFloat(v)
	}
	by := bigInt(a.by)
	sum := new(big.Int).Add(bigInt(v), by)
	switch {
	case a.least.IsValid() && sum.Cmp(bigInt(a.least)) < 0, a.greatest.IsValid() && sum.Cmp(bigInt(a.greatest)) > 0:
		return a.outOfRange(bigInt(v), by, sum)
	case v.CanInt() && sum.IsInt64() && !v.OverflowInt(sum.Int64()):
		v.SetInt(sum.Int64())
	case v.CanUint() && sum.IsUint64() && !v.OverflowUint(sum.Uint64()) && (a.by.CanUint() || sum.IsInt64()):
		v.SetUint(sum.Uint64())
	default:
		return overflowError(v.Type())
	}
	return nil
}

func (a *addition) addToFloat(v reflect.Value) error {
	exact := v.Float() + a.by.Float()
	overflows := math.IsInf(exact, 0) || v.OverflowFloat(exact)
	sum := exact
	if v.Kind() == reflect.Float32 {
		sum = float64(float32(exact))
	}
	if a.least.IsValid() && !(sum >= a.least.Float()) || a.greatest.IsValid() && !(sum <= a.greatest.Float()) {
		return a.outOfRange(v.Float(), a.by.Float(), sum)
	}
	finite := !math.IsInf(v.Float(), 0) && !math.IsInf(a.by.Float(), 0)
	if finite && overflows {
		return overflowError(v.Type())
	}
	v.SetFloat(sum)
	return nil
}

func (a *addition) outOfRange(stored, by, sum any) error {
	return fmt.Errorf("%w: the field has %v, and adding %v makes %v; the sum must be %v; nothing was changed", fault.ErrOutOfRange, stored, by, sum, a.bounds)
}

func bigInt(v reflect.Value) *big.Int {
	if v.CanInt() {
		return big.NewInt(v.Int())
	}
	return new(big.Int).SetUint64(v.Uint())
}
