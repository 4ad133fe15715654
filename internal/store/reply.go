package store

import (
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Reply reports whether a reply has the shape that its command or script gives.
// A Reply asks for the type first: to read another one makes an error, which
// allocates.
type Shape func(m rueidis.RedisMessage) bool

// Number is any integer.
func Number(m rueidis.RedisMessage) bool { return m.IsInt64() }

// Count is an integer that is not negative.
func Count(m rueidis.RedisMessage) bool {
	if !m.IsInt64() {
		return false
	}
	n, err := m.ToInt64()
	return err == nil && n >= 0
}

// Flag is 0 or 1.
func Flag(m rueidis.RedisMessage) bool {
	if !m.IsInt64() {
		return false
	}
	n, err := m.ToInt64()
	return err == nil && (n == 0 || n == 1)
}

// Text is a string.
func Text(m rueidis.RedisMessage) bool { return m.IsString() }

// Value is a string or nil.
func TextOrNil(m rueidis.RedisMessage) bool { return m.IsString() || m.IsNil() }

// OK is the status of a command that has nothing else to say.
func OK(m rueidis.RedisMessage) bool {
	if !m.IsString() {
		return false
	}
	text, err := m.ToString()
	return err == nil && text == "OK"
}

// Texts is an array of strings.
func Texts(m rueidis.RedisMessage) bool { return allElements(m, Text) }

// Fields is an array of strings and nils.
func TextsOrNils(m rueidis.RedisMessage) bool { return allElements(m, TextOrNil) }

// Pairs is a map from strings to strings, which RESP2 has as an array.
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

// Lifetime is a reply to PTTL: milliseconds, -1 for no end, -2 for no key.
func Lifetime(m rueidis.RedisMessage) bool {
	if !m.IsInt64() {
		return false
	}
	ms, err := m.ToInt64()
	return err == nil && ms >= -2
}

// Popped is a reply to LPOP with a count.
func Popped(m rueidis.RedisMessage) bool { return m.IsNil() || Texts(m) }

// Tuple is an array with one element of each shape.
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

// Either is one of several shapes.
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

// Status is one of several strings.
func Status(words ...string) Shape {
	return func(m rueidis.RedisMessage) bool {
		if !m.IsString() {
			return false
		}
		text, err := m.ToString()
		return err == nil && slices.Contains(words, text)
	}
}

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

// Check refuses a reply of another shape. A write that got it may be applied.
func (is Shape) Check(t fault.Target, m rueidis.RedisMessage) error {
	if is(m) {
		return nil
	}
	return t.Applied(ErrShape)
}

// ErrShape is why a reply is refused that has another shape than its command
// gives.
var ErrShape = fmt.Errorf("%w: it has another shape than the command gives", fault.ErrUnexpectedReply)

// ReadFlag reads 0 or 1, and nothing else.
func ReadFlag(t fault.Target, r rueidis.RedisResult) (bool, error) {
	n, err := readInteger(t, r, Flag)
	return n == 1, err
}

// ReadTexts reads an array of strings, and nothing else.
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
