package retry

import (
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
)

// decision is the error of a handler that decides how its work goes on. If an
// error wraps several, the first that [errors.As] finds counts: the outermost
// one, and the first of joined ones.
type decision struct {
	err    error
	giveUp bool
	delay  time.Duration // not with giveUp
}

// Error returns the text of the wrapped error.
func (d *decision) Error() string { return d.err.Error() }

// Unwrap returns the wrapped error.
func (d *decision) Unwrap() error { return d.err }

// GiveUp returns an error that wraps err and makes a dead letter of the work.
// If err is nil, it returns nil.
func GiveUp(err error) error {
	if err == nil {
		return nil
	}
	return &decision{err: err, giveUp: true}
}

// After returns an error that wraps err and sets the time until the next
// attempt. A negative d counts as 0. If err is nil, After returns nil. If the
// unit of d was forgotten, the error wraps err, says so and sets no time.
func After(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	if unit := duration.ForgottenUnit(d); unit != "" {
		return fmt.Errorf("%w (RetryAfter has no effect: %s)", err, unit)
	}
	return &decision{err: err, delay: max(d, 0)}
}

// GivesUp reports whether err decides by [GiveUp].
func GivesUp(err error) bool {
	var d *decision
	return errors.As(err, &d) && d.giveUp
}

// DelayOf returns the delay of an error that decides by [After]. It reports
// whether err does.
func DelayOf(err error) (time.Duration, bool) {
	var d *decision
	if !errors.As(err, &d) || d.giveUp {
		return 0, false
	}
	return d.delay, true
}

// Decides reports whether err itself, and not an error that it wraps, is one of
// [GiveUp] or [After].
func Decides(err error) bool {
	_, ok := err.(*decision)
	return ok
}
