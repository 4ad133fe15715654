package codec

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/symphony-go/symphony/internal/fields"
)

// ErrTooLarge is wrapped by the errors about a value that takes more memory or time to read than it may.
var ErrTooLarge = errors.New("value too large")

// DefaultMaxDecoded is how many bytes of memory reading one value may take where nothing else is said.
const DefaultMaxDecoded = 512 << 20

// room is the memory that reading a value may still take. Texts do not count: together they are no longer than what is
// stored, which has a bound of its own.
type budget int

// take counts n bytes that are about to be allocated.
func (r *budget) spend(n int) error {
	if *r -= budget(n); *r < 0 {
		return errBudget
	}
	return nil
}

var errBudget = fmt.Errorf("%w: reading it takes more memory than pool.Config.MaxDecodedBytes", ErrTooLarge)

// What the parts of a value without a type take: an element of a list, which grows, an entry of a table, a boxed number
// or text, and a list or table itself.
const (
	anyElementSize  = 32
	commonEntrySize = 80
	boxedSize       = 16
	headerSize      = 48
)

// entryRoom is about what an entry of a map takes, which is made larger twofold.
func mapEntrySize(key, elem uintptr) int { return 2*int(key+elem) + 16 }

// groupSize is groupRoom of the maps that need no reflection.
const commonGroupSize = 272

// groupRoom is what a map's first entry takes: memory for eight. What is large is stored beside.
func mapGroupSize(key, elem uintptr) int { return 8 + 8*(slotSize(key)+slotSize(elem)) }

// tableRoom is what a map of n entries takes beside them.
func mapSize(n, group int) int {
	if n == 0 {
		return headerSize
	}
	return headerSize + group
}

func slotSize(size uintptr) int {
	const largest = 128
	if size > largest {
		return 8
	}
	return int(size)
}

// longestNumber is how many bytes the text of a big number may have: the time to read one grows with their square.
const maxNumberLen = 100_000

var errDigits = fmt.Errorf("%w: a number may have %d digits", ErrTooLarge, maxNumberLen)

// bigIn returns the number of package big that t is or embeds, nil for none.
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

// takeBig counts what number t of package big takes that is read from text. For a big.Rat, which spells its exponent
// out, that counts as digits.
func (r *budget) spendBig(t reflect.Type, text string) error {
	const words = 96
	digits := len(text)
	if t == bigRatType {
		digits += exponent(text)
	}
	if digits > maxNumberLen {
		return errDigits
	}
	return r.spend(words + digits)
}

// exponent is the absolute value of the exponent that a number ends with, 0 for none, and at most a little more than
// longestNumber.
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
