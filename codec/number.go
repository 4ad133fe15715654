package codec

import (
	"math"
	"slices"
	"strconv"
)

// appendFloat appends Python's spelling of f: its shortest digits, and always a point or an exponent.
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

// appendJSONFloat appends f, which is finite, as the number that other JSON programs write.
func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	low, high := 1e-6, 1e21
	if bits == 32 {
		low, high = float64(float32(1e-6)), float64(float32(1e21))
	}
	if abs := math.Abs(f); abs == 0 || low <= abs && abs < high {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // 1e-9, not 1e-09
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// parseFloat reads a number in the spelling of JSON, of Go or of Python.
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

// scanNumber returns the length of the JSON number that s begins with, 0 for none, and whether it has neither a
// fraction nor an exponent.
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

func digitsEnd(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseInt reads a decimal integer of that many bits, exactly.
func parseInt(s string, bits int) (int64, error) {
	negative := s != "" && s[0] == '-'
	u, err := parseDecimal(s, negative)
	if err != nil {
		return 0, err
	}
	return toSigned(u, negative, bits)
}

// signed is an integer of that many bits, if it fits.
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

// parseUint reads a decimal integer of that many bits that is not negative, exactly.
func parseUint(s string, bits int) (uint64, error) {
	negative := s != "" && s[0] == '-'
	u, err := parseDecimal(s, negative)
	if err != nil {
		return 0, err
	}
	return toUnsigned(u, negative, bits)
}

// unsigned is signed for the integers that cannot be negative.
func toUnsigned(u uint64, negative bool, bits int) (uint64, error) {
	switch {
	case negative && u != 0, u > math.MaxUint64>>(64-bits):
		return 0, errRange
	default:
		return u, nil
	}
}

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

// parseBool reads a bool in any of the spellings that Go, JSON and Python have for it.
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
