package codec

import "strings"

// number reads a number and reports whether it has neither a fraction nor an
// exponent.
func (r *jsonReader) number() (token string, integer bool, err error) {
	r.peek()
	n, integer := scanNumber(r.data[r.pos:])
	if n == 0 {
		return "", false, r.mismatch()
	}
	token = r.data[r.pos : r.pos+n]
	r.pos += n
	return token, integer, nil
}

// floatToken reads a number or, if allowed, NaN or an infinity.
func (r *jsonReader) floatToken() (string, error) {
	r.peek()
	if word := r.nonFinite(); word != "" {
		return word, nil
	}
	token, _, err := r.number()
	return token, err
}

// nonFinite reads NaN or an infinity if it comes next and is allowed. Otherwise
// it returns "".
func (r *jsonReader) nonFinite() string {
	if r.allowNaN {
		for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
			if strings.HasPrefix(r.data[r.pos:], word) {
				r.pos += len(word)
				return word
			}
		}
	}
	return ""
}

// exactDigits is the number of decimal digits that always fit a uint64.
const exactDigits = 19

// fastInteger reads a short integer in a single pass. If the number needs
// another reader, it reads nothing and returns false.
func (r *jsonReader) fastInteger() (u uint64, negative, ok bool) {
	i := r.pos
	if i < len(r.data) && r.data[i] == '-' {
		negative = true
		i++
	}
	start := i
	for i < len(r.data) && isDigit(r.data[i]) {
		u = u*10 + uint64(r.data[i]-'0')
		i++
	}
	n := i - start
	if n == 0 || n > exactDigits || n > 1 && r.data[start] == '0' {
		return 0, false, false
	}
	if i < len(r.data) && (r.data[i] == '.' || r.data[i]|0x20 == 'e') {
		return 0, false, false
	}
	r.pos = i
	return u, negative, true
}

func (r *jsonReader) int(bits int) (int64, error) {
	r.peek()
	u, negative, ok := r.fastInteger()
	if !ok {
		token, err := r.integer()
		if err != nil {
			return 0, err
		}
		return parseInt(token, bits)
	}
	return toSigned(u, negative, bits)
}

func (r *jsonReader) uint(bits int) (uint64, error) {
	r.peek()
	u, negative, ok := r.fastInteger()
	if !ok {
		token, err := r.integer()
		if err != nil {
			return 0, err
		}
		return parseUint(token, bits)
	}
	return toUnsigned(u, negative, bits)
}

func (r *jsonReader) integer() (string, error) {
	token, integer, err := r.number()
	if err == nil && !integer {
		err = errInteger
	}
	return token, err
}

func (r *jsonReader) float(bits int) (float64, error) {
	r.peek()
	if f, ok := r.fastFloat(bits); ok {
		return f, nil
	}
	token, err := r.floatToken()
	if err != nil {
		return 0, err
	}
	return parseFloat(token, bits)
}

// powersOfTen are the powers of ten that fastFloat divides by. Each is exact as
// a float64.
var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// fastFloat reads a number of at most 15 digits without an exponent. Its digits
// and its power of ten are exact as float64, so their quotient is correctly
// rounded. For any other number it reads nothing and returns false.
func (r *jsonReader) fastFloat(bits int) (f float64, ok bool) {
	i := r.pos
	if i < len(r.data) && r.data[i] == '-' {
		i++
	}
	start, fraction := i, 0
	var u uint64
	for ; i < len(r.data); i++ {
		c := r.data[i]
		if isDigit(c) {
			u = u*10 + uint64(c-'0')
			continue
		}
		if c != '.' || fraction > 0 {
			break
		}
		fraction = i + 1
	}
	n, power := i-start, 0
	if fraction > 0 {
		n, power = n-1, i-fraction
	}
	switch {
	case bits != 64, n == 0, n >= len(powersOfTen), fraction == i, fraction == start+1,
		r.data[start] == '0' && n > 1 && fraction != start+2,
		i < len(r.data) && r.data[i]|0x20 == 'e':
		return 0, false
	}
	f = float64(u) / powersOfTen[power]
	if start > r.pos {
		f = -f
	}
	r.pos = i
	return f, true
}
