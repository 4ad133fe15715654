// Package sorttext returns texts of Go values that sort as the values do. An
// index that is a sorted set of Redis holds such texts, and ZRANGEBYLEX reads
// ranges of it.
//
// No text holds a NUL byte, so the caller can end a text with one and append an
// id. Texts of one [Kind] are comparable byte by byte:
//
//	Kind    Go types                       Text
//	Bool    bool                           0 or 1
//	Number  signed and unsigned integers   21 bytes
//	Float   float32, float64               21 bytes
//	Text    string, types with             its bytes, with 0x00 as 0x01 0x01
//	        MarshalText and UnmarshalText  and 0x01 as 0x01 0x02
//	Time    time.Time                      21 bytes: seconds since the year 0,
//	                                       nanoseconds
//
// This includes named types of these, and pointers to all of them. The text of
// a pointer is that of its element, and nil has no text.
//
//   - An int64 and a uint64 have one format. It is 0 and the 20 digits of the
//     number. For a negative number it is a minus sign and the 20 digits of its
//     absolute value, each subtracted from 9.
//   - A float32 and a float64 have one format: a sign as above, the exponent
//     plus 400, and the 17 digits of %.16e. The text of -0 is that of 0. NaN is
//     greater than +Inf, and all NaN have one text.
//   - Times are ordered by instant, whatever their location, to the nanosecond.
//     A type whose underlying type is that of [time.Time], and a struct that
//     contains nothing but an embedded time.Time, is a Time even if it has
//     MarshalText. A time outside the years 0 to 9999 in UTC is an error.
//   - A type with MarshalText and UnmarshalText is ordered by the bytes of its
//     text. The methods count as in package codec: they may have a pointer
//     receiver, and promoted methods do not count if they would lose a field.
//     The numbers of package math/big have no order, because their texts do not
//     sort as the numbers.
package sorttext

import (
	"errors"
	"fmt"
	"reflect"
)

// Kind is the format of the texts. Texts of one kind are comparable.
type Kind byte

// The kinds of text.
const (
	Bool   Kind = 'b'
	Number Kind = 'n'
	Float  Kind = 'f'
	Text   Kind = 't'
	Time   Kind = 'm'
)

// Encoder returns the texts of values of one type. It is safe for concurrent
// use.
type Encoder struct {
	pointer bool   // the type is a pointer to a list
	list    bool   // the type is a list of scalars, or a pointer to one
	scalar  scalar // the type, or the elements of the list
}

// For returns the Encoder of a type. If values of the type have no order, it
// returns an error that says why.
func For(t reflect.Type) (*Encoder, error) {
	if t == nil {
		return nil, errors.New("a nil type has no order")
	}
	list, pointer := t, t.Kind() == reflect.Pointer
	if pointer {
		list = t.Elem()
	}
	e, element := &Encoder{}, t
	if isList(list) {
		e.list, e.pointer, element = true, pointer, list.Elem()
	}
	var err error
	if e.scalar, err = scalarOf(element); err != nil {
		if element != t {
			err = fmt.Errorf("%s has no order: %w", t, err)
		}
		return nil, err
	}
	return e, nil
}

// isList reports whether t is a slice that is not a scalar and not bytes.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !isText(t) && !isBytes(t)
}

// Kind returns the kind of the texts.
func (e *Encoder) Kind() Kind { return e.scalar.kind }

// IsList reports whether the type is a slice of scalars, or a pointer to one.
// The texts are then those of the elements.
func (e *Encoder) IsList() bool { return e.list }

// Append appends the texts of v, which must be of the type of e, and returns
// the extended slice. A nil value has no text, and a scalar has one. A list has
// one for each different element, in the order of the first occurrences, and
// none for an element that is nil.
//
// If a value has no text, Append returns texts as it was and an error.
func (e *Encoder) Append(texts []string, v reflect.Value) ([]string, error) {
	if !e.list {
		text, ok, err := e.scalar.text(v)
		if ok {
			texts = append(texts, text)
		}
		return texts, err
	}
	if e.pointer {
		if v.IsNil() {
			return texts, nil
		}
		v = v.Elem()
	}
	all := texts
	seen := make(map[string]struct{}, v.Len())
	for i := range v.Len() {
		text, ok, err := e.scalar.text(v.Index(i))
		if err != nil {
			return texts, fmt.Errorf("element %d: %w", i, err)
		}
		if _, again := seen[text]; again || !ok {
			continue
		}
		seen[text] = struct{}{}
		all = append(all, text)
	}
	return all, nil
}

// Next returns the least text that is greater than every text with the prefix.
// If there is none, it returns false.
func Next(prefix string) (string, bool) {
	for n := len(prefix); n > 0; n-- {
		if last := prefix[n-1]; last != 0xff {
			return prefix[:n-1] + string([]byte{last + 1}), true
		}
	}
	return "", false
}
