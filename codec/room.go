package codec

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
)

// ErrTooLarge is wrapped by the errors about a value that takes more memory or time to read than it may.
var ErrTooLarge = errors.New("value too large")

// DefaultMaxDecoded is how many bytes of memory reading one value may take where nothing else is said.
const DefaultMaxDecoded = 512 << 20

// room is the memory that reading a value may still take. Texts do not count: together they are no longer than what is
// stored, which has a bound of its own.
type room int

// take counts n bytes that are about to be allocated.
func (r *room) take(n int) error {
	if *r -= room(n); *r < 0 {
		return errRoom
	}
	return nil
}

var errRoom = fmt.Errorf("%w: reading it takes more memory than pool.Config.MaxDecodedBytes", ErrTooLarge)

// What the parts of a value without a type take: an element of a list, which grows, an entry of a table, a boxed number
// or text, and a list or table itself.
const (
	elementSize = 32
	entrySize   = 80
	boxSize     = 16
	holderSize  = 48
)

// entryRoom is about what an entry of a map takes, which is made larger twofold.
func entryRoom(key, elem uintptr) int { return 2*int(key+elem) + 16 }

// longestNumber is how many bytes the text of a big number may have: the time to read one grows with their square.
const longestNumber = 100_000

var errDigits = fmt.Errorf("%w: a number may have %d digits", ErrTooLarge, longestNumber)

func isBig(t reflect.Type) bool { return t == bigIntType || t == bigRatType || t == bigFloatType }

var (
	bigRatType   = reflect.TypeFor[big.Rat]()
	bigFloatType = reflect.TypeFor[big.Float]()
)
