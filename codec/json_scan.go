package codec

import "strings"

// jsonReader reads a JSON text. It accepts valid JSON only, and NaN and the
// infinities if allowNaN is set.
type jsonReader struct {
	data     string
	pos      int
	depth    int
	allowNaN bool
	budget
	arena
}

// peek skips space and returns the next character, or 0 at the end.
func (r *jsonReader) peek() byte {
	if r.pos < len(r.data) && r.data[r.pos] > ' ' {
		return r.data[r.pos]
	}
	return r.skipSpace()
}

func (r *jsonReader) skipSpace() byte {
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// end returns an error if anything follows.
func (r *jsonReader) end() error {
	if r.peek(); r.pos < len(r.data) {
		return errTrailing
	}
	return nil
}

// literal reads the given word.
func (r *jsonReader) literal(word string) error {
	if !strings.HasPrefix(r.data[r.pos:], word) {
		return errSyntax
	}
	r.pos += len(word)
	return nil
}

// open reads the start of an array or object.
func (r *jsonReader) open(c byte) error {
	switch got := r.peek(); got {
	case c:
	case 0:
		return errSyntax
	default:
		return r.mismatch()
	}
	r.pos++
	if r.depth++; r.depth > maxDepth {
		return errDepth
	}
	return nil
}

// first reports whether the array or object that was just opened is not empty.
func (r *jsonReader) first(end byte) bool { return r.peek() != end }

// next reports whether another element follows.
func (r *jsonReader) next(end byte) (bool, error) {
	switch r.peek() {
	case ',':
		r.pos++
		return true, nil
	case end:
		return false, nil
	default:
		return false, errSyntax
	}
}

// close reads the end of an array or object.
func (r *jsonReader) close(end byte) error {
	if r.peek() != end {
		return errSyntax
	}
	r.pos++
	r.depth--
	return nil
}

// memberName reads the name of a member and the colon after it.
func (r *jsonReader) memberName() (string, error) {
	if r.peek() != '"' {
		return "", errSyntax
	}
	text, err := r.string()
	if err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", errSyntax
	}
	r.pos++
	return text, nil
}

// mismatch skips the next value. If the value is valid JSON, mismatch returns
// an error that names its kind, else the syntax error.
func (r *jsonReader) mismatch() error {
	c := r.peek()
	if err := r.skip(); err != nil {
		return err
	}
	switch c {
	case '[':
		return errArray
	case '{':
		return errObject
	case '"':
		return errString
	case 't', 'f':
		return errTrueFalse
	case 'n':
		return errNull
	}
	return errNumber
}

// raw returns the text of the next value. NaN and infinities are not allowed.
func (r *jsonReader) raw() (string, error) {
	allowNaN := r.allowNaN
	r.allowNaN = false
	r.peek()
	start := r.pos
	err := r.skip()
	r.allowNaN = allowNaN
	return r.data[start:r.pos], err
}

// skip skips the next value and validates it.
func (r *jsonReader) skip() error {
	switch r.peek() {
	case 0:
		return errSyntax
	case 'n':
		return r.literal("null")
	case 't':
		return r.literal("true")
	case 'f':
		return r.literal("false")
	case '"':
		return r.skipString()
	case '[':
		return r.skipArray()
	case '{':
		return r.skipObject()
	}
	if r.nonFinite() != "" {
		return nil
	}
	n, _ := scanNumber(r.data[r.pos:])
	if n == 0 {
		return errSyntax
	}
	r.pos += n
	return nil
}

func (r *jsonReader) skipArray() error {
	if err := r.open('['); err != nil {
		return err
	}
	for more := r.first(']'); more; {
		err := r.skip()
		if err != nil {
			return err
		}
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	return r.close(']')
}

func (r *jsonReader) skipObject() error {
	if err := r.open('{'); err != nil {
		return err
	}
	for more := r.first('}'); more; {
		if r.peek() != '"' {
			return errSyntax
		}
		err := r.skipString()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return errSyntax
		}
		r.pos++
		if err = r.skip(); err != nil {
			return err
		}
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	return r.close('}')
}

// countElements estimates the number of elements in the array that was just
// opened. It counts the commas before the next closing bracket, including those
// in strings.
func (r *jsonReader) countElements() int {
	ahead, _ := r.lookAhead()
	if ahead == "" {
		return 0
	}
	return min(strings.Count(ahead, ",")+1, 1024)
}

// guessLen returns for how many elements to allocate memory in the array that
// was just opened.
func (r *jsonReader) guessLen(elem *shape) int {
	switch elem.kind {
	case kindStruct:
		return r.countObjects()
	case kindSlice, kindArray, kindMap, kindPointer, kindAny, kindJSON, kindRaw:
		return 4
	default:
		return r.countElements()
	}
}

// countObjects is countElements for objects, which contain commas themselves.
func (r *jsonReader) countObjects() int {
	ahead, whole := r.lookAhead()
	if ahead == "" {
		return 0
	}
	guess := strings.Count(ahead, "},{") + 1
	if !whole || ahead[len(ahead)-1] != '}' { // the bracket ends an array inside an object
		guess = max(guess, 4)
	}
	return min(guess, 1024)
}

// lookAhead returns the text before the next closing bracket, and reports
// whether it is complete. It is limited in length: scanning all of the text for
// each of many nested arrays could take seconds.
func (r *jsonReader) lookAhead() (text string, whole bool) {
	const limit = 64 << 10
	text = r.data[r.pos:min(len(r.data), r.pos+limit)]
	if n := strings.IndexByte(text, ']'); n >= 0 {
		return text[:n], true
	}
	return text, false
}
