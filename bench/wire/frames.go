package wire

import (
	"fmt"
	"strconv"
)

// frames reads a stream of RESP commands or replies in pieces, and finds the
// end of each message.
type frames struct {
	line []byte // the part of a header line that came so far
	skip int    // bytes of a string still to come, with its line end
	open []int  // elements that the enclosing lists still lack
	kind byte   // of the message that began
	name []byte // the first string in it, which names a command
	text bool   // whether skip is over the first string
}

// feed reads the next piece and calls done for each message that ends in it.
func (f *frames) feed(p []byte, done func(kind byte, name string)) error {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(p))
			if f.text {
				f.name = append(f.name, p[:n]...)
			}
			f.skip -= n
			p = p[n:]
			if f.skip == 0 {
				f.text = false
				f.ended(done)
			}
			continue
		}
		c := p[0]
		p = p[1:]
		if c != '\n' {
			f.line = append(f.line, c)
			continue
		}
		if err := f.header(done); err != nil {
			return err
		}
	}
	return nil
}

// header reads a complete line, which is a value or a size.
func (f *frames) header(done func(byte, string)) error {
	if len(f.line) < 2 || f.line[len(f.line)-1] != '\r' {
		return fmt.Errorf("wire: %q is not a RESP header", f.line)
	}
	kind, rest := f.line[0], string(f.line[1:len(f.line)-1])
	f.line = f.line[:0]
	if len(f.open) == 0 {
		f.kind = kind
	}
	switch kind {
	case '$', '=', '!', '*', '~', '>', '%', '|':
	default: // the line is all there is
		f.ended(done)
		return nil
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil:
		return fmt.Errorf("wire: %q is not a size", rest)
	case n < 0:
		f.ended(done)
	case kind == '$' || kind == '=' || kind == '!':
		f.skip, f.text = n+len("\r\n"), len(f.name) == 0 && len(f.open) == 1
	case kind == '|': // attributes, then the value that they belong to
		f.open = append(f.open, 2*n+1)
	case n == 0:
		f.ended(done)
	case kind == '%':
		f.open = append(f.open, 2*n)
	default:
		f.open = append(f.open, n)
	}
	return nil
}

// ended marks a value as complete, and the lists that end with it.
func (f *frames) ended(done func(byte, string)) {
	for len(f.open) > 0 {
		last := &f.open[len(f.open)-1]
		if *last--; *last > 0 {
			return
		}
		f.open = f.open[:len(f.open)-1]
	}
	name := string(f.name)
	if len(name) >= 2 {
		name = name[:len(name)-2]
	}
	f.name = f.name[:0]
	done(f.kind, name)
}
