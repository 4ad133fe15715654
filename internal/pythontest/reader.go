package pythontest

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Read returns the value that the Python package reads from a stored text: a
// bool for "1" and "0", else the JSON value, else the text itself.
func Read(text string) Value {
	switch text {
	case "1", "0":
		return Value{Type: "bool", Bool: text == "1"}
	}
	v, err := loads(text)
	if err != nil {
		return str(text)
	}
	return v
}

var errSyntax = errors.New("not JSON")

// loads follows json.loads of the Python standard library.
func loads(text string) (Value, error) {
	p := parser{text}
	v, err := p.value()
	if p.space(); err == nil && p.s != "" {
		err = errSyntax
	}
	return v, err
}

type parser struct{ s string }

func (p *parser) space() { p.s = strings.TrimLeft(p.s, " \t\r\n") }

func (p *parser) skip(prefix string) (ok bool) {
	p.s, ok = strings.CutPrefix(p.s, prefix)
	return ok
}

var (
	number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`)
	words  = map[string]Value{
		"null": {Type: "none"}, "true": {Type: "bool", Bool: true}, "false": {Type: "bool"},
		"NaN": pyFloat(math.NaN()), "Infinity": pyFloat(math.Inf(1)), "-Infinity": pyFloat(math.Inf(-1)),
	}
)

func (p *parser) value() (Value, error) {
	p.space()
	switch {
	case p.skip(`"`):
		return p.string()
	case p.skip("["):
		return p.list()
	case p.skip("{"):
		return p.dict()
	}
	for word, v := range words {
		if p.skip(word) {
			return v, nil
		}
	}
	m := number.FindStringSubmatch(p.s)
	if m == nil {
		return Value{}, errSyntax
	}
	p.s = p.s[len(m[0]):]
	if m[2] == "" && m[3] == "" {
		n, _ := new(big.Int).SetString(m[0], 10)
		return Value{Type: "int", Text: n.String()}, nil
	}
	f, err := strconv.ParseFloat(m[0], 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return Value{}, err
	}
	return pyFloat(f), nil
}

func (p *parser) list() (Value, error) {
	v := Value{Type: "list"}
	if p.space(); p.skip("]") {
		return v, nil
	}
	for {
		item, err := p.value()
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		p.space()
		switch {
		case p.skip("]"):
			return v, nil
		case !p.skip(","):
			return v, errSyntax
		}
	}
}

func (p *parser) dict() (Value, error) {
	v := Value{Type: "dict"}
	if p.space(); p.skip("}") {
		return v, nil
	}
	for {
		if p.space(); !p.skip(`"`) {
			return v, errSyntax
		}
		key, err := p.string()
		if p.space(); err != nil || !p.skip(":") {
			return v, errSyntax
		}
		item, err := p.value()
		if err != nil {
			return v, err
		}
		v.set(Pair{key, item})
		p.space()
		switch {
		case p.skip("}"):
			return v, nil
		case !p.skip(","):
			return v, errSyntax
		}
	}
}

// set adds an entry, or replaces the entry of the same key in its place.
func (v *Value) set(entry Pair) {
	i := slices.IndexFunc(v.Pairs, func(p Pair) bool { return p.Key.Text == entry.Key.Text })
	if i < 0 {
		v.Pairs = append(v.Pairs, entry)
		return
	}
	v.Pairs[i] = entry
}

// string parses the rest of a string after its opening quote.
func (p *parser) string() (Value, error) {
	v := str("")
	var text strings.Builder
	for p.s != "" {
		c, n := utf8.DecodeRuneInString(p.s)
		p.s = p.s[n:]
		switch {
		case c == '"':
			if !v.Half { // a Go string cannot hold such a text
				v.Text = text.String()
			}
			return v, nil
		case c < 0x20:
			return v, errSyntax
		case c == '\\':
			var ok bool
			if c, ok = p.escape(); !ok {
				return v, errSyntax
			}
			v.Half = v.Half || utf16.IsSurrogate(c)
		}
		text.WriteRune(c)
	}
	return v, errSyntax
}

func (p *parser) escape() (rune, bool) {
	if p.s == "" {
		return 0, false
	}
	c := p.s[0]
	p.s = p.s[1:]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	high, ok := p.hex()
	if c != 'u' || !ok {
		return 0, false
	}
	rest := p.s
	if utf16.IsSurrogate(high) && p.skip(`\u`) {
		if low, ok := p.hex(); ok {
			if both := utf16.DecodeRune(high, low); both != utf8.RuneError {
				return both, true
			}
		}
		p.s = rest
	}
	return high, true
}

func (p *parser) hex() (rune, bool) {
	if len(p.s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(p.s[:4], 16, 16)
	p.s = p.s[4:]
	return rune(n), err == nil
}

// pyFloat returns a float with the text of its repr.
func pyFloat(f float64) Value {
	v := Value{Type: "float"}
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		v.Text = "nan"
	case math.IsInf(f, 0):
		v.Text = strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		v.Text = strconv.FormatFloat(f, 'e', -1, 64)
	default:
		v.Text = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(v.Text, ".") {
			v.Text += ".0"
		}
	}
	return v
}
