package fault

import "github.com/symphony-go/symphony/internal"

// Steps records whether a step of a call was applied. The error of such a call
// comes from the step that failed, but must also report the steps that were
// applied.
type Steps struct{ applied bool }

// Applied records that a step was applied.
func (s *Steps) Applied() { s.applied = true }

// Error returns err, the error of a step of t. If another step was applied, the
// result reports that the call may have been applied.
func (s *Steps) Error(t Target, err error) error {
	if err == nil || !s.applied || MaybeApplied(err) {
		return err
	}
	if single, ok := err.(*OpError); ok {
		partial := *single
		partial.SetMaybeApplied(internal.NotForPublicUse{}, true)
		return &partial
	}
	return Target{Op: t.Op, Pool: t.Pool}.opError(err, true)
}

// Join joins the errors of the steps of t. A nil error records that its step
// was applied. The error of a single step is not changed: it reports the
// outcome for its own key.
func (s *Steps) Join(t Target, errs ...error) error {
	for _, err := range errs {
		if err == nil {
			s.Applied()
		}
	}
	return s.Error(t, Join(errs...))
}
