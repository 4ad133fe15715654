package sorttext

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Lua defines local functions for scripts that compute texts on the server:
// sort_number(text), which takes a decimal integer of up to 64 bits, and
// sort_float(x), which takes a Lua number. They return the texts of Number and
// Float. For any other text sort_number returns nil.
//
//go:embed lua/sorttext.lua
var Lua string

const digits = 20 // of a Number and a Float, after the sign

var (
	least    = "-" + strings.Repeat("0", digits) // -Inf
	zero     = "0" + strings.Repeat("0", digits)
	greatest = "0" + strings.Repeat("9", digits) // +Inf
	nan      = "1" + strings.Repeat("0", digits)
)

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func uintText(u uint64) string { return signed(false, padded(u, digits)) }

func intText(i int64) string {
	if i < 0 {
		return signed(true, padded(-uint64(i), digits))
	}
	return uintText(uint64(i))
}

// floatText is the reverse of 17 significant digits and an exponent, which
// strconv and the printf of C round alike.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return nan
	case math.IsInf(f, 1):
		return greatest
	case math.IsInf(f, -1):
		return least
	case f == 0:
		return zero
	}
	// d.dddddddddddddddde±dd
	var buf [32]byte
	b := strconv.AppendFloat(buf[:0], math.Abs(f), 'e', 16, 64)
	exponent := 0
	for _, c := range b[20:] {
		exponent = exponent*10 + int(c-'0')
	}
	if b[19] == '-' {
		exponent = -exponent
	}
	text := padded(uint64(exponent+400), 3)
	text = append(append(text, b[0]), b[2:18]...)
	return signed(f < 0, text)
}

// padded returns u with leading zeros.
func padded(u uint64, width int) []byte {
	text := make([]byte, width, digits)
	for i := width - 1; i >= 0; i-- {
		text[i] = byte('0' + u%10)
		u /= 10
	}
	return text
}

// signed returns the text of a number from the digits of its absolute value.
func signed(negative bool, text []byte) string {
	if !negative {
		return "0" + string(text)
	}
	for i, c := range text {
		text[i] = '0' + '9' - c
	}
	return "-" + string(text)
}

// The first second of the year 0 and the last second of the year 9999, in Unix
// time. Package codec stores no other times.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

var errYear = errors.New("the year is not between 0 and 9999 in UTC; store another time, or none")

func timeText(t time.Time) (string, error) {
	seconds := t.Unix()
	if seconds < firstSecond || seconds > lastSecond {
		return "", errYear
	}
	return fmt.Sprintf("%012d%09d", seconds-firstSecond, t.Nanosecond()), nil
}

// escaped returns s without NUL bytes, in the same order.
func escaped(s string) string {
	if strings.IndexByte(s, 0) < 0 && strings.IndexByte(s, 1) < 0 {
		return s
	}
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
