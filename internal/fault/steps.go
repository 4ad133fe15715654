package fault

import (
	"errors"

	"github.com/symphony-go/symphony/internal/caller"
)

// Steps is what a call of several steps knows of them. Its error comes from the
// step that failed, and must tell of those that were applied too.
type Steps struct{ applied bool }

// Applied notes that a step was applied.
func (s *Steps) Applied() { s.applied = true }

// Error is err, which a step of t ended with. If another step was applied, the
// call may be applied, whatever err says of its own step.
func (s *Steps) Error(t Target, err error) error {
	if err == nil || !s.applied || MaybeApplied(err) {
		return err
	}
	if own, ok := err.(*OpError); ok {
		partly := *own
		partly.SetMaybeApplied(caller.Symphony{}, true)
		return &partly
	}
	return Target{Op: t.Op, Pool: t.Pool}.failed(err, true)
}

// Join is the error of a call whose steps each have an error or none. The errors
// of single steps stay as they are: what one says holds for its own key.
func (s *Steps) Join(t Target, errs ...error) error {
	for _, err := range errs {
		if err == nil {
			s.Applied()
		}
	}
	return s.Error(t, errors.Join(errs...))
}

// MaybeApplied reports what a caller learns from err.
func MaybeApplied(err error) bool {
	var op *OpError
	return errors.As(err, &op) && op.MaybeApplied()
}
