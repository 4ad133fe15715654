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
//
// [Action.SetAt], [Action.SetEvery] and [Action.SetCron] set a trigger for a
// time, and recurring ones.
type Action[P any] struct{ name string }

// PayloadSetter sets triggers with payloads. A [*Schedule] and a
// [*github.com/symphony-go/symphony.Trigger] are PayloadSetters.
type PayloadSetter interface {
	SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error
	SetPayloadAt(ctx context.Context, action, id string, payload any, at time.Time) error
	SetPayloadEvery(ctx context.Context, action, id string, payload any, every time.Duration) error
	SetPayloadCron(ctx context.Context, action, id string, payload any, spec, zone string) error
}

// NewAction returns the action with a name. It does not check the name:
// [Action.On], [Action.Set] and its siblings return the error of one that is
// empty or cannot be part of a key.
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
	return setAction("Set", t, func() error { return t.SetPayload(ctx, a.name, id, payload, after) })
}

// SetAt sets a trigger of the action that is due at a time, with a payload. It
// is [Schedule.SetPayloadAt].
//
// If t is nil, SetAt returns [ErrInvalidArgument]. It also returns the errors
// of SetPayloadAt.
func (a Action[P]) SetAt(ctx context.Context, t PayloadSetter, id string, payload P, at time.Time) error {
	return setAction("SetAt", t, func() error { return t.SetPayloadAt(ctx, a.name, id, payload, at) })
}

// SetEvery sets a recurring trigger of the action, with a payload for all of
// its firings. It is [Schedule.SetPayloadEvery].
//
// If t is nil, SetEvery returns [ErrInvalidArgument]. It also returns the
// errors of SetPayloadEvery.
func (a Action[P]) SetEvery(ctx context.Context, t PayloadSetter, id string, payload P, every time.Duration) error {
	return setAction("SetEvery", t, func() error { return t.SetPayloadEvery(ctx, a.name, id, payload, every) })
}

// SetCron sets a recurring trigger of the action that is due at the times of a
// cron spec in a time zone, with a payload for all of its firings. It is
// [Schedule.SetPayloadCron].
//
// If t is nil, SetCron returns [ErrInvalidArgument]. It also returns the errors
// of SetPayloadCron.
func (a Action[P]) SetCron(ctx context.Context, t PayloadSetter, id string, payload P, spec, zone string) error {
	return setAction("SetCron", t, func() error { return t.SetPayloadCron(ctx, a.name, id, payload, spec, zone) })
}

func setAction(op string, t PayloadSetter, set func() error) error {
	if t == nil {
		return fault.Target{Op: op}.NotApplied(fmt.Errorf("%w: the Trigger or Schedule is nil; make one with symphony.NewTrigger", fault.ErrInvalidArgument))
	}
	return fault.WithOp(op, set())
}
