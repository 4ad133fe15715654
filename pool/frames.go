package pool

import (
	"bytes"
	"fmt"
)

// What a server may announce. rueidis makes room for a reply before it has
// arrived, so a broken server could end the process by a length.
const (
	maxBulk     = 512 << 20 // bytes of a string: Redis's own limit, proto-max-bulk-len
	maxElements = 16 << 20  // elements to come of one reply, those of nested arrays too
	maxDepth    = 32        // arrays within arrays
	maxLine     = 1 << 20   // bytes of an error or a status
)

// frames follows the replies of a connection and says when one announces more
// than a server sends. It looks at what announces a length and skips the rest.
type frames struct {
	kind   byte // of the line that is being read; 0: none
	skip   int  // bytes of a string that are still to come, with its line end
	length int  // of the line that is being read, or what it announces
	digits int8 // of the length so far
	minus  bool // whether a minus sign precedes them
	depth  int8 // how many arrays are open
	total  int  // elements that are still to come in all of them
	left   [maxDepth]int32
}

// follow takes what arrived next.
func (f *frames) follow(b []byte) error {
	for len(b) > 0 {
		if f.kind == 0 && f.skip == 0 {
			if b = f.strings(b); len(b) == 0 {
				return nil
			}
		}
		switch {
		case f.skip > 0:
			n := min(f.skip, len(b))
			b, f.skip = b[n:], f.skip-n
			if f.skip == 0 {
				f.element()
			}
		case f.kind == 0:
			if f.kind = b[0]; !known(f.kind) {
				return fmt.Errorf("%w: it begins with a byte that no reply begins with", ErrUnexpectedReply)
			}
			b, f.length, f.digits, f.minus = b[1:], 0, 0, false
		case isLine(f.kind):
			end := bytes.IndexByte(b, '\n')
			if f.length += len(b); end < 0 && f.length > maxLine {
				return fmt.Errorf("%w: a line of over %d bytes", ErrUnexpectedReply, maxLine)
			}
			if end < 0 {
				return nil
			}
			b, f.kind = b[end+1:], 0
			f.element()
		default:
			n, err := f.announced(b)
			if err != nil {
				return err
			}
			b = b[n:]
		}
	}
	return nil
}

// strings skips the strings that b begins with and holds whole: most of what a
// server says. It returns what follows them.
func (f *frames) strings(b []byte) []byte {
	at := 0
	for at+4 < len(b) && b[at] == '$' {
		length, i := 0, at+1
		for ; i < len(b) && i-at < 9 && b[i]-'0' <= 9; i++ {
			length = length*10 + int(b[i]-'0')
		}
		end := i + length + len("\r\n\r\n")
		if i == at+1 || end > len(b) || b[i] != '\r' || b[i+1] != '\n' {
			break
		}
		at = end
		if f.depth > 0 {
			f.element()
		}
	}
	return b[at:]
}

func known(kind byte) bool {
	switch kind {
	case '$', '!', '=', '*', '%', '~', '>', '|':
		return true
	}
	return isLine(kind)
}

// isLine reports whether a reply of the kind ends with its line.
func isLine(kind byte) bool {
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return true
	}
	return false
}

// announced reads a length, and returns how many bytes it took.
func (f *frames) announced(b []byte) (int, error) {
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9' && f.digits < 10:
			f.length = f.length*10 + int(c-'0')
			f.digits++
		case c == '-' && f.digits == 0 && !f.minus:
			f.minus = true
		case c == '\r':
		case c == '\n' && f.digits > 0:
			return i + 1, f.open()
		default:
			return 0, fmt.Errorf("%w: it announces a length that is none, or too long", ErrUnexpectedReply)
		}
	}
	return len(b), nil
}

// open begins what was announced.
func (f *frames) open() error {
	kind, n := f.kind, f.length
	f.kind = 0
	switch {
	case f.minus && (n != 1 || kind != '$' && kind != '*'):
		return fmt.Errorf("%w: it announces a negative length", ErrUnexpectedReply)
	case f.minus:
		f.element()
		return nil
	case kind == '$' || kind == '!' || kind == '=':
		if n > maxBulk {
			return fmt.Errorf("%w: it announces a string of %d bytes, and the most is %d", ErrUnexpectedReply, n, maxBulk)
		}
		f.skip = n + len("\r\n")
		return nil
	case kind == '%' || kind == '|':
		n *= 2
	}
	return f.elements(kind, n)
}

// elements begins an array. What is in an attribute comes beside its value.
func (f *frames) elements(kind byte, n int) error {
	switch {
	case n > maxElements-f.total:
		return fmt.Errorf("%w: it announces %d elements, and the most of one reply is %d", ErrUnexpectedReply, n, maxElements)
	case kind == '|' && f.depth == 0:
		return nil
	case kind == '|':
		f.left[f.depth-1] += int32(n)
		f.total += n
		return nil
	case n == 0:
		f.element()
		return nil
	case f.depth == maxDepth:
		return fmt.Errorf("%w: over %d arrays within one another", ErrUnexpectedReply, maxDepth)
	}
	f.left[f.depth] = int32(n)
	f.total += n
	f.depth++
	return nil
}

// element ends an element, and the arrays that it was the last of.
func (f *frames) element() {
	for f.depth > 0 {
		f.total--
		if f.left[f.depth-1]--; f.left[f.depth-1] > 0 {
			return
		}
		f.depth--
	}
}
