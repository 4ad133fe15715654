package store

import (
	"fmt"
	"math"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Shape reports whether a reply has the form that its command or script
// returns. It checks the type first, because reading another type returns an
// error, which allocates.
type Shape func(m rueidis.RedisMessage) bool

// Number accepts every integer.
func Number(m rueidis.RedisMessage) bool { return m.IsInt64() }

// Count accepts integers that are not negative.
func Count(m rueidis.RedisMessage) bool { return isUpTo(m, math.MaxInt64) }

// Flag accepts 0 and 1.
func Flag(m rueidis.RedisMessage) bool { return isUpTo(m, 1) }

// UpTo accepts integers from 0 to most.
func UpTo(most int64) Shape {
	return func(m rueidis.RedisMessage) bool { return isUpTo(m, most) }
}

func isUpTo(m rueidis.RedisMessage, most int64) bool {
	if !m.IsInt64() {
		return false
	}
	n, err := m.ToInt64()
	return err == nil && n >= 0 && n <= most
}

// Text accepts strings.
func Text(m rueidis.RedisMessage) bool { return m.IsString() }

// TextOrNil accepts strings and nil.
func TextOrNil(m rueidis.RedisMessage) bool { return m.IsString() || m.IsNil() }

// OK accepts the status OK.
func OK(m rueidis.RedisMessage) bool {
	if !m.IsString() {
		return false
	}
	text, err := m.ToString()
	return err == nil && text == "OK"
}

// Texts accepts arrays of strings.
func Texts(m rueidis.RedisMessage) bool { return allElements(m, Text) }

// TextsOrNils accepts arrays of strings and nils.
func TextsOrNils(m rueidis.RedisMessage) bool { return allElements(m, TextOrNil) }

// Pairs accepts maps from strings to strings. RESP2 returns them as arrays.
func Pairs(m rueidis.RedisMessage) bool {
	if m.IsArray() {
		parts, err := m.ToArray()
		return err == nil && len(parts)%2 == 0 && Texts(m)
	}
	if !m.IsMap() {
		return false
	}
	parts, err := m.ToMap()
	for _, part := range parts {
		if !Text(part) {
			return false
		}
	}
	return err == nil
}

// Lifetime accepts the reply of PTTL: milliseconds, -1 for a key without a
// lifetime, or -2 if there is no key.
func Lifetime(m rueidis.RedisMessage) bool {
	if !m.IsInt64() {
		return false
	}
	ms, err := m.ToInt64()
	return err == nil && ms >= -2
}

// Popped accepts the reply of LPOP with a count.
func Popped(m rueidis.RedisMessage) bool { return m.IsNil() || Texts(m) }

// Tuple accepts arrays that have one element of each shape, in order.
func Tuple(shapes ...Shape) Shape {
	return func(m rueidis.RedisMessage) bool {
		if !m.IsArray() {
			return false
		}
		parts, err := m.ToArray()
		if err != nil || len(parts) != len(shapes) {
			return false
		}
		for i, is := range shapes {
			if !is(parts[i]) {
				return false
			}
		}
		return true
	}
}

// Either accepts what one of shapes accepts.
func Either(shapes ...Shape) Shape {
	return func(m rueidis.RedisMessage) bool {
		for _, is := range shapes {
			if is(m) {
				return true
			}
		}
		return false
	}
}

// Status accepts the given strings.
func Status(words ...string) Shape {
	return func(m rueidis.RedisMessage) bool {
		if !m.IsString() {
			return false
		}
		text, err := m.ToString()
		return err == nil && slices.Contains(words, text)
	}
}

// allElements reports whether m is an array whose elements all have the shape.
func allElements(m rueidis.RedisMessage, is Shape) bool {
	if !m.IsArray() {
		return false
	}
	parts, err := m.ToArray()
	for i := range parts {
		if !is(parts[i]) {
			return false
		}
	}
	return err == nil
}

// Check returns [ErrShape] if the reply does not have the shape. If the
// operation is a write, it may be applied.
func (s Shape) Check(t fault.Target, m rueidis.RedisMessage) error {
	if s(m) {
		return nil
	}
	return t.Applied(ErrShape)
}

// ErrShape is the error for a reply that does not have the shape that its
// command returns.
var ErrShape = fmt.Errorf("%w: it does not have the shape that the command returns", fault.ErrUnexpectedReply)

// ReadFlag returns a reply of 0 or 1 as a bool. Any other reply is an error.
func ReadFlag(t fault.Target, r rueidis.RedisResult) (bool, error) {
	n, err := readInteger(t, r, Flag)
	return n == 1, err
}

// ReadScan returns the page of a reply to SCAN or HSCAN. If the reply has
// another shape, it returns [ErrShape].
func ReadScan(r rueidis.RedisResult) (rueidis.ScanEntry, error) {
	m, err := r.ToMessage()
	if err != nil {
		return rueidis.ScanEntry{}, err
	}
	if !scanShape(m) {
		return rueidis.ScanEntry{}, ErrShape
	}
	entry, err := m.AsScanEntry()
	if err != nil {
		err = ErrShape // the cursor is not a number
	}
	return entry, err
}

var scanShape = Tuple(Text, Texts)

// ReadZScan returns the members and the next cursor of a reply to ZSCAN. If the
// reply has another shape, it returns [ErrShape].
func ReadZScan(r rueidis.RedisResult) (members []string, cursor uint64, err error) {
	m, err := r.ToMessage()
	if err != nil {
		return nil, 0, err
	}
	if !zscanShape(m) {
		return nil, 0, ErrShape
	}
	parts, err := m.ToArray()
	if err != nil {
		return nil, 0, ErrShape
	}
	if cursor, err = parts[0].AsUint64(); err != nil {
		return nil, 0, ErrShape
	}
	pairs, err := parts[1].ToArray()
	for i := 0; i < len(pairs) && err == nil; i += 2 {
		var member string
		member, err = pairs[i].ToString()
		members = append(members, member)
	}
	return members, cursor, err
}

// zscanShape accepts any scores: the embedded server returns them as numbers.
var zscanShape = Tuple(Text, func(m rueidis.RedisMessage) bool {
	if !m.IsArray() {
		return false
	}
	pairs, err := m.ToArray()
	for i := 0; i < len(pairs); i += 2 {
		if !Text(pairs[i]) {
			return false
		}
	}
	return err == nil && len(pairs)%2 == 0
})

// ReadTexts returns the strings of an array reply. If the reply is not an array
// of strings, it returns [ErrShape].
func ReadTexts(r rueidis.RedisResult) ([]string, error) {
	m, err := r.ToMessage()
	if err != nil {
		return nil, err
	}
	if !Texts(m) {
		return nil, ErrShape
	}
	return m.AsStrSlice()
}
