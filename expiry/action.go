package expiry

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// Action is the name of an action with the type of its payloads. Declare it
// once, and use it to set triggers and to register their handler. Then a wrong
// name or a wrong type does not compile.
//
//	var Remind = expiry.NewAction[Reminder]("remind")
//
//	err := Remind.On(registry,
//		func(ctx context.Context, e expiry.Event, r Reminder) error { ... })
//	err = Remind.Set(ctx, triggers, "u1", Reminder{Text: "Water"}, time.Hour)
type Action[P any] struct{ name string }

// PayloadSetter sets triggers with payloads. A [*Schedule] and a
// [*github.com/symphony-go/symphony.Trigger] are PayloadSetters.
type PayloadSetter interface {
	SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error
}

// NewAction returns the action with a name. It does not check the name:
// [Action.On] and [Action.Set] return the error of one that is empty or cannot
// be part of a key.
func NewAction[P any](name string) Action[P] { return Action[P]{name} }

// Name returns the name of the action, for calls such as [Schedule.Delete],
// [Schedule.Debounce] and [Schedule.Due].
func (a Action[P]) Name() string { return a.name }

// On registers h as the handler of the action. It is [OnPayload].
func (a Action[P]) On(r *Registry, h func(ctx context.Context, e Event, payload P) error) error {
	return OnPayload(r, a.name, h)
}

// Set sets a trigger of the action with a payload. It is
// [Schedule.SetPayload].
//
// If t is nil, Set returns [ErrInvalidArgument]. It also returns the errors of
// SetPayload.
func (a Action[P]) Set(ctx context.Context, t PayloadSetter, id string, payload P, after time.Duration) error {
	if t == nil {
		return fault.Target{Op: "Set"}.NotApplied(fmt.Errorf("%w: the Trigger or Schedule is nil; make one with symphony.NewTrigger", fault.ErrInvalidArgument))
	}
	return fault.WithOp("Set", t.SetPayload(ctx, a.name, id, payload, after))
}
