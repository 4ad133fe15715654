package codec

import (
	"math"
	"slices"
	"strconv"
)

// appendFloat appends f as Python writes it: the shortest digits, and always a
// decimal point or an exponent.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	low := 1e-4
	if bits == 32 {
		low = float64(float32(1e-4))
	}
	if abs := math.Abs(f); abs != 0 && (abs < low || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
	if slices.Contains(dst[start:], '.') {
		return dst
	}
	return append(dst, ".0"...)
}

// appendJSONFloat appends f, which must be finite, as encoding/json writes it.
func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	low, high := 1e-6, 1e21
	if bits == 32 {
		low, high = float64(float32(1e-6)), float64(float32(1e21))
	}
	if abs := math.Abs(f); abs == 0 || low <= abs && abs < high {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	// Shorten 1e-09 to 1e-9.
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// parseFloat parses a number as JSON, Go or Python writes it.
func parseFloat(s string, bits int) (float64, error) {
	switch s {
	case "":
		return 0, errEmpty
	case "nan", "NaN":
		return math.NaN(), nil
	case "inf", "Inf", "+inf", "+Inf", "Infinity", "+Infinity":
		return math.Inf(1), nil
	case "-inf", "-Inf", "-Infinity":
		return math.Inf(-1), nil
	case "null":
		return 0, errNull
	}
	if n, _ := scanNumber(s); n != len(s) {
		return 0, errFloat
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, errRange
	}
	return f, nil
}

// scanNumber returns the length of the JSON number at the start of s, or 0. It
// reports whether the number has neither a fraction nor an exponent.
func scanNumber(s string) (n int, integer bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case i < len(s) && '1' <= s[i] && s[i] <= '9':
		i = digitsEnd(s, i)
	default:
		return 0, false
	}
	integer = true
	if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
		i, integer = digitsEnd(s, i+1), false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && isDigit(s[j]) {
			i, integer = digitsEnd(s, j), false
		}
	}
	return i, integer
}

// digitsEnd returns the position of the first byte at or after s[i] that is not
// a digit.
func digitsEnd(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseInt parses a decimal integer of the given number of bits.
func parseInt(s string, bits int) (int64, error) {
	negative := s != "" && s[0] == '-'
	u, err := parseDecimal(s, negative)
	if err != nil {
		return 0, err
	}
	return toSigned(u, negative, bits)
}

// toSigned returns an integer of the given number of bits from its sign and
// absolute value.
func toSigned(u uint64, negative bool, bits int) (int64, error) {
	limit := uint64(1) << (bits - 1)
	switch {
	case negative && u <= limit:
		return -int64(u), nil
	case !negative && u < limit:
		return int64(u), nil
	default:
		return 0, errRange
	}
}

// parseUint parses an unsigned decimal integer of the given number of bits.
func parseUint(s string, bits int) (uint64, error) {
	negative := s != "" && s[0] == '-'
	u, err := parseDecimal(s, negative)
	if err != nil {
		return 0, err
	}
	return toUnsigned(u, negative, bits)
}

// toUnsigned is toSigned for unsigned integers.
func toUnsigned(u uint64, negative bool, bits int) (uint64, error) {
	switch {
	case negative && u != 0, u > math.MaxUint64>>(64-bits):
		return 0, errRange
	default:
		return u, nil
	}
}

// parseDecimal returns the absolute value of a decimal integer.
func parseDecimal(s string, negative bool) (uint64, error) {
	switch s {
	case "":
		return 0, errEmpty
	case "null":
		return 0, errNull
	}
	if negative {
		s = s[1:]
	}
	if s == "" || s[0] == '0' && len(s) > 1 {
		return 0, errInteger
	}
	var u uint64
	overflow := false
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, errInteger
		}
		d := uint64(s[i] - '0')
		if u > (math.MaxUint64-d)/10 {
			overflow = true
		}
		u = u*10 + d
	}
	if overflow {
		return 0, errRange
	}
	return u, nil
}

// parseBool parses a bool as Go, JSON or Python writes it.
func parseBool(s string) (bool, error) {
	switch s {
	case "1", "true", "True", "TRUE", "t", "T", `"1"`, `"true"`, `"True"`:
		return true, nil
	case "0", "false", "False", "FALSE", "f", "F", `"0"`, `"false"`, `"False"`:
		return false, nil
	case "":
		return false, errEmpty
	case "null":
		return false, errNull
	default:
		return false, errBool
	}
}
