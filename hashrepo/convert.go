package hashrepo

import (
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// convert converts a caller's value to the type of a field if nothing is lost:
// an int to int64, a string to a named string, a value to a pointer, a time to
// a string in RFC 3339. Otherwise its error wraps ErrFieldType, or ErrOverflow
// for a number that the type cannot represent.
func convert(value any, to reflect.Type) (reflect.Value, error) {
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		if nilable(to) {
			return reflect.Zero(to), nil
		}
		return v, fmt.Errorf("%w: cannot convert nil to %v; Clear and DeleteField remove a field", fault.ErrFieldType, to)
	}
	return convertValue(v, to)
}

func convertValue(v reflect.Value, to reflect.Type) (reflect.Value, error) {
	from := v.Type()
	switch {
	case from.AssignableTo(to):
		out := reflect.New(to).Elem()
		out.Set(v)
		return out, nil
	case from.Kind() == reflect.Pointer && v.IsNil() && nilable(to):
		return reflect.Zero(to), nil
	case from.Kind() == reflect.Pointer && !v.IsNil():
		return convertValue(v.Elem(), to)
	case to.Kind() == reflect.Pointer:
		elem, err := convertValue(v, to.Elem())
		if err != nil {
			return elem, err
		}
		p := reflect.New(to.Elem())
		p.Elem().Set(elem)
		return p, nil
	case from == reflect.TypeFor[time.Time]() && to.Kind() == reflect.String:
		text := v.Interface().(time.Time).UTC().Format(time.RFC3339Nano)
		return reflect.ValueOf(text).Convert(to), nil
	case isNumber(from.Kind()) && isNumber(to.Kind()):
		return convertNumber(v, to)
	case from.Kind() == to.Kind() && from.ConvertibleTo(to):
		return v.Convert(to), nil
	}
	return v, fmt.Errorf("%w: cannot convert %v to %v; convert the value first", fault.ErrFieldType, from, to)
}

// convertNumber converts a number if the result is the same number. A float may
// lose digits in a narrower float.
func convertNumber(v reflect.Value, to reflect.Type) (reflect.Value, error) {
	out := reflect.New(to).Elem()
	fits := false
	switch {
	case v.CanFloat() && out.CanFloat():
		fits = !out.OverflowFloat(v.Float())
	case v.CanFloat():
		return v, fmt.Errorf("%w: cannot convert %v to %v; convert the value first", fault.ErrFieldType, v.Type(), to)
	case out.CanFloat():
		fits = significantBits(v) <= map[reflect.Kind]int{reflect.Float32: 24, reflect.Float64: 53}[to.Kind()]
	case v.CanInt() && out.CanInt():
		fits = !out.OverflowInt(v.Int())
	case v.CanInt():
		fits = v.Int() >= 0 && !out.OverflowUint(uint64(v.Int()))
	case out.CanInt():
		fits = v.Uint() <= math.MaxInt64 && !out.OverflowInt(int64(v.Uint()))
	default:
		fits = !out.OverflowUint(v.Uint())
	}
	if !fits {
		return v, fmt.Errorf("%w: %v cannot represent the number; pass one in its range", fault.ErrOverflow, to)
	}
	return v.Convert(to), nil
}

// convertSlice converts a slice of any element type to the slice type typ.
func convertSlice(value any, typ reflect.Type) (reflect.Value, error) {
	values := reflect.ValueOf(value)
	list := reflect.MakeSlice(typ, values.Len(), values.Len())
	for i := range values.Len() {
		element, err := convert(values.Index(i).Interface(), typ.Elem())
		if err != nil {
			return list, fmt.Errorf("value %d: %w", i, err)
		}
		list.Index(i).Set(element)
	}
	return list, nil
}

// significantBits returns the number of bits between the highest and the lowest
// bit that is set in the magnitude of an integer.
func significantBits(v reflect.Value) int {
	magnitude := uint64(0)
	if v.CanUint() {
		magnitude = v.Uint()
	} else if magnitude = uint64(v.Int()); v.Int() < 0 {
		magnitude = -magnitude
	}
	return bits.Len64(magnitude) - bits.TrailingZeros64(magnitude|1<<63)
}

// nilable reports whether a value of type t may be nil.
func nilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return false
}

func isFloat(k reflect.Kind) bool { return k == reflect.Float32 || k == reflect.Float64 }

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uint64 }

func isNumber(k reflect.Kind) bool { return isInteger(k) || isFloat(k) }

// sumRange returns the range of an integer type in decimal. If a signed integer
// is added to an unsigned one, the sum must fit an int64 too.
func sumRange(t, by reflect.Type) (least, greatest string) {
	size := t.Bits()
	if t.Kind() <= reflect.Int64 {
		return strconv.FormatInt(-1<<(size-1), 10), strconv.FormatInt(1<<(size-1)-1, 10)
	}
	if by.Kind() <= reflect.Int64 {
		size = min(size, 63)
	}
	return "0", strconv.FormatUint(1<<size-1, 10)
}

// decimal returns an integer in decimal.
func decimal(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatUint(v.Uint(), 10)
}
