package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shown is the number of errors in the text of a joined error.
const shown = 10

// joinedError is like the result of [errors.Join], with a text of bounded
// length.
type joinedError struct{ errs []error }

// Join is [errors.Join] for as many errors as a call has records. The text of
// the result has the first errors and the number of the others. All of them are
// in the result of Unwrap. The parts of joined errors that Join returned become
// parts of the result.
func Join(errs ...error) error {
	var all []error
	for _, err := range errs {
		if joined, ok := err.(*joinedError); ok {
			all = append(all, joined.errs...)
		} else if err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &joinedError{all}
}

// Unwrap returns all errors.
func (e *joinedError) Unwrap() []error { return slices.Clip(e.errs) }

// Error returns the texts of the first errors and the number of the others, one
// per line.
func (e *joinedError) Error() string {
	first, rest := e.errs, 0
	if len(e.errs) > shown {
		first, rest = e.errs[:shown], len(e.errs)-shown
	}
	text := errors.Join(first...).Error()
	if rest > 0 {
		text += fmt.Sprintf("\n... and %s more", groupDigits(rest))
	}
	return text
}

// groupDigits returns n with a comma between thousands.
func groupDigits(n int) string {
	digits := strconv.Itoa(n)
	groups := []string{}
	for ; len(digits) > 3; digits = digits[:len(digits)-3] {
		groups = append(groups, digits[len(digits)-3:])
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}
