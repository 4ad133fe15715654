package pool

import (
	"bytes"
	"fmt"
)

// The limits of a reply. rueidis allocates memory for a reply when its length
// is announced, so a length could otherwise exhaust the memory of the process.
const (
	maxStringBytes = 512 << 20 // the limit of Redis itself, proto-max-bulk-len
	maxElements    = 16 << 20  // of one reply, including nested aggregates
	maxDepth       = 32        // nested aggregates
	maxLineBytes   = 1 << 20   // an error, a status or a number
)

// replyScanner follows the RESP replies of a connection and returns an error if
// one announces more than the limits, or if EXEC does not reply with one
// element for each command that was queued: rueidis panics in a background
// goroutine if there is none. It reads lengths and the status QUEUED, and skips
// everything else. The zero value is ready for the start of a reply.
type replyScanner struct {
	kind     byte // type byte of the line being read; 0 between lines
	skip     int  // bytes of the current string still to come, with its line end
	length   int  // bytes of the current line so far, or the length it announces
	digits   int8 // digits of that length so far
	negative bool // whether a minus sign precedes the digits

	depth     int8            // open aggregates
	pending   int             // elements still to come, of all open aggregates
	remaining [maxDepth]int32 // elements still to come, of each open aggregate

	queued      int  // replies QUEUED since the last other reply
	matched     int  // bytes of queuedReply that the current status begins with
	attributes  int  // elements still to come of an attribute outside of aggregates
	inAttribute bool // whether the current element is one of those
}

// queuedReply is the reply to a command of a transaction.
var queuedReply = []byte("+QUEUED\r\n")

// beginReply notes the first byte of a reply. Push messages and attributes may
// come between the replies. endLength deals with arrays, and with sets, which
// rueidis takes for arrays.
func (s *replyScanner) beginReply(kind byte) {
	switch kind {
	case '>', '|', '*', '~':
	case '+':
		s.matched = 1
	default:
		s.queued = 0
	}
}

// matchQueued compares the next bytes of a status with QUEUED, which may come
// in parts.
func (s *replyScanner) matchQueued(b []byte) {
	rest := queuedReply[s.matched:]
	n := min(len(b), len(rest))
	switch {
	case !bytes.HasPrefix(rest, b[:n]):
		s.queued, s.matched = 0, 0
	case n == len(rest):
		s.queued, s.matched = s.queued+1, 0
	default:
		s.matched += n
	}
}

// scan reads the next bytes of the connection.
func (s *replyScanner) scan(b []byte) error {
	for len(b) > 0 {
		if s.kind == 0 && s.skip == 0 && s.attributes == 0 {
			if b = s.skipStrings(b); len(b) == 0 {
				return nil
			}
		}
		switch {
		case s.skip > 0:
			n := min(s.skip, len(b))
			b, s.skip = b[n:], s.skip-n
			if s.skip == 0 {
				s.endElement()
			}
		case s.kind == 0:
			if s.kind = b[0]; !isKind(s.kind) {
				return fmt.Errorf("%w: it begins with an invalid byte", ErrUnexpectedReply)
			}
			if s.depth == 0 {
				if s.inAttribute = s.attributes > 0; s.inAttribute {
					s.attributes--
				} else {
					s.beginReply(s.kind)
				}
			}
			b, s.length, s.digits, s.negative = b[1:], 0, 0, false
		case isLine(s.kind):
			if s.matched > 0 {
				s.matchQueued(b)
			}
			end := bytes.IndexByte(b, '\n')
			if s.length += len(b); end < 0 && s.length > maxLineBytes {
				return fmt.Errorf("%w: it contains a line of more than %d bytes", ErrUnexpectedReply, maxLineBytes)
			}
			if end < 0 {
				return nil
			}
			b, s.kind = b[end+1:], 0
			s.endElement()
		default:
			n, err := s.scanLength(b)
			if err != nil {
				return err
			}
			b = b[n:]
		}
	}
	return nil
}

// skipStrings skips the complete strings at the start of b, which are most of
// the data of a server. It returns the bytes after them.
func (s *replyScanner) skipStrings(b []byte) []byte {
	start := 0
	for start+4 < len(b) && b[start] == '$' {
		length, i := 0, start+1
		for ; i < len(b) && i-start < 9 && b[i]-'0' <= 9; i++ {
			length = length*10 + int(b[i]-'0')
		}
		end := i + length + len("\r\n\r\n")
		if i == start+1 || end > len(b) || b[i] != '\r' || b[i+1] != '\n' {
			break
		}
		start = end
		if s.depth > 0 {
			s.endElement()
		}
	}
	return b[start:]
}

// isKind reports whether a reply can begin with the byte.
func isKind(kind byte) bool {
	switch kind {
	case '$', '!', '=', '*', '%', '~', '>', '|':
		return true
	}
	return isLine(kind)
}

// isLine reports whether a reply of the kind is a single line.
func isLine(kind byte) bool {
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return true
	}
	return false
}

// scanLength reads a length, or a part of it. It returns how many bytes it
// read.
func (s *replyScanner) scanLength(b []byte) (int, error) {
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9' && s.digits < 10:
			s.length = s.length*10 + int(c-'0')
			s.digits++
		case c == '-' && s.digits == 0 && !s.negative:
			s.negative = true
		case c == '\r':
		case c == '\n' && s.digits > 0:
			return i + 1, s.endLength()
		default:
			return 0, fmt.Errorf("%w: it announces an invalid length", ErrUnexpectedReply)
		}
	}
	return len(b), nil
}

// endLength begins the string or the aggregate whose length was read.
func (s *replyScanner) endLength() error {
	kind, n := s.kind, s.length
	s.kind = 0
	if (kind == '*' || kind == '~') && s.depth == 0 && !s.inAttribute {
		queued := s.queued
		if s.queued = 0; queued > 0 && n != queued && !s.negative {
			return fmt.Errorf("%w: EXEC has %d elements for %d commands", ErrUnexpectedReply, n, queued)
		}
	}
	switch {
	case s.negative && (n != 1 || kind != '$' && kind != '*'):
		return fmt.Errorf("%w: it announces a negative length", ErrUnexpectedReply)
	case s.negative:
		s.endElement()
		return nil
	case kind == '$' || kind == '!' || kind == '=':
		if n > maxStringBytes {
			return fmt.Errorf("%w: it announces a string of %d bytes; the limit is %d", ErrUnexpectedReply, n, maxStringBytes)
		}
		s.skip = n + len("\r\n")
		return nil
	case kind == '%' || kind == '|':
		n *= 2
	}
	return s.beginAggregate(kind, n)
}

// beginAggregate begins an array, map, set, push or attribute of n elements.
// The elements of an attribute precede the value that it belongs to, so they
// count as elements of the enclosing aggregate.
func (s *replyScanner) beginAggregate(kind byte, n int) error {
	switch {
	case n > maxElements-s.pending:
		return fmt.Errorf("%w: it announces %d elements; the limit of a reply is %d", ErrUnexpectedReply, n, maxElements)
	case kind == '|' && s.depth == 0:
		s.attributes += n
		return nil
	case kind == '|':
		s.remaining[s.depth-1] += int32(n)
		s.pending += n
		return nil
	case n == 0:
		s.endElement()
		return nil
	case s.depth == maxDepth:
		return fmt.Errorf("%w: it nests more than %d arrays", ErrUnexpectedReply, maxDepth)
	}
	s.remaining[s.depth] = int32(n)
	s.pending += n
	s.depth++
	return nil
}

// endElement ends an element, and each aggregate that ends with it.
func (s *replyScanner) endElement() {
	for s.depth > 0 {
		s.pending--
		if s.remaining[s.depth-1]--; s.remaining[s.depth-1] > 0 {
			return
		}
		s.depth--
	}
}
