package codec

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/symphony-go/symphony/internal/fields"
)

// ErrTooLarge is wrapped by the errors about a value that takes too much memory
// or time to decode, and about a number of package big that is too long to
// encode. The repositories also return it for a value that is larger than
// [github.com/symphony-go/symphony/pool.Config.MaxValueBytes].
var ErrTooLarge = errors.New("value too large")

// DefaultMaxDecoded is the number of bytes of memory that decoding a value may
// take by default.
const DefaultMaxDecoded = 512 << 20

// budget is the number of bytes of memory that decoding a value may still
// allocate. Strings do not count: together they are no longer than the stored
// value, whose length is checked separately.
type budget int

// spend subtracts n bytes, which are about to be allocated.
func (b *budget) spend(n int) error {
	if *b -= budget(n); *b < 0 {
		return errBudget
	}
	return nil
}

var errBudget = fmt.Errorf("%w: decoding it takes more memory than pool.Config.MaxDecodedBytes allows; raise that field, or split the value", ErrTooLarge)

// The estimated memory of the parts of an untyped value: an element of a slice
// that grows, an entry of a map, a number or string in an interface, and the
// header of a slice or map.
const (
	anyElementSize  = 32
	commonEntrySize = 80
	boxedSize       = 16
	headerSize      = 48
)

// mapEntrySize estimates the memory of a map entry. A map doubles when it
// grows.
func mapEntrySize(key, elem uintptr) int { return 2*int(key+elem) + 16 }

// commonGroupSize is an upper bound of mapGroupSize for the maps that are
// decoded without reflection.
const commonGroupSize = 272

// mapGroupSize estimates the memory that the first entry of a map takes, which
// is a group of eight slots. A map stores large keys and values outside the
// slots.
func mapGroupSize(key, elem uintptr) int { return 8 + 8*(slotSize(key)+slotSize(elem)) }

// mapSize estimates the memory of a map of n entries without the entries.
func mapSize(n, group int) int {
	if n == 0 {
		return headerSize
	}
	return headerSize + group
}

// slotSize returns the size of a key or a value in a slot.
func slotSize(size uintptr) int {
	const largest = 128
	if size > largest {
		return 8
	}
	return int(size)
}

// maxNumberLen is the maximum length of the text of a big number. The time to
// parse a big number grows with the square of its length.
const maxNumberLen = 100_000

var errDigits = fmt.Errorf("%w: the text of a big number is limited to %d bytes; store a longer one as a string", ErrTooLarge, maxNumberLen)

// bigTypeOf returns the type of package big that t is or embeds, or nil.
func bigTypeOf(t reflect.Type) reflect.Type {
	switch {
	case t == bigIntType, t == bigRatType, t == bigFloatType:
		return t
	case t.Kind() != reflect.Struct:
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			continue
		}
		switch e := fields.Deref(f.Type); e {
		case bigIntType, bigRatType, bigFloatType:
			return e
		}
	}
	return nil
}

// spendBig subtracts the memory of a big number of type t that is parsed from
// text. A [big.Rat] writes out its exponent as digits, so the exponent counts
// towards the length.
func (b *budget) spendBig(t reflect.Type, text string) error {
	const words = 96
	digits := len(text)
	if t == bigRatType {
		digits += exponent(text)
	}
	if digits > maxNumberLen {
		return errDigits
	}
	return b.spend(words + digits)
}

// exponent returns the absolute value of the exponent at the end of a number,
// or 0. It stops counting above maxNumberLen.
func exponent(text string) (n int) {
	i := strings.LastIndexAny(text, "eEpP")
	if i < 0 {
		return 0
	}
	for _, c := range []byte(text[i+1:]) {
		if isDigit(c) && n <= maxNumberLen {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

var (
	bigRatType   = reflect.TypeFor[big.Rat]()
	bigFloatType = reflect.TypeFor[big.Float]()
)
