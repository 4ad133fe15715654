package symphony

import (
	"context"
	"iter"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Trigger sets the triggers of one tenant. A trigger runs work at a later time:
// it has an action, which names the handler, and an id. It is a key,
// `{tenant}:EXPTRIGGER:{action}:{id}`, and an entry in a schedule. An
// [expiry.Listener] in any process runs the handler when the trigger is due, at
// least once and never early. Handlers of one action and id do not run at the
// same time. Package expiry specifies the guarantees.
//
// Its methods are:
//
//   - set: [Trigger.Set], [Trigger.SetPayload], [Trigger.SetAt],
//     [Trigger.SetPayloadAt], [Trigger.Debounce]
//   - set a recurring one: [Trigger.SetEvery], [Trigger.SetPayloadEvery],
//     [Trigger.SetCron], [Trigger.SetPayloadCron]
//   - read: [Trigger.Due], [Trigger.Rule], [Trigger.List], [Trigger.Key]
//   - cancel: [Trigger.Delete], [Trigger.DeleteAll]
//   - dead letters: [Trigger.Dead], [Trigger.Retry], [Trigger.Discard]
//   - options: [Trigger.With]
//
// An [expiry.Action] checks the payloads of an action at compile time.
type Trigger struct{ schedule *expiry.Schedule }

// NewTrigger returns the repository of a tenant's triggers, on [pool.Expiry].
// TTL, KeepTTL and NoTTL do not apply, since the delay of a trigger is its
// lifetime. It sends nothing.
//
// NewTrigger returns the errors of [expiry.NewSchedule].
func NewTrigger(pools *pool.Pools, tenant string, opts ...Option) (*Trigger, error) {
	pattern, rest, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Trigger }, opts)
	if err != nil {
		return nil, err
	}
	schedule, err := expiry.NewSchedule(pools, pool.Expiry, pattern, tenant, rest...)
	if err != nil {
		return nil, err
	}
	return &Trigger{schedule}, nil
}

// With returns a view with more options; see [expiry.Schedule.With].
func (t *Trigger) With(opts ...Option) *Trigger { return &Trigger{t.scheduleOf().With(opts...)} }

// Set makes a trigger due after a delay, rounded up to whole milliseconds. If
// the trigger is set already, Set moves it. A delay of 0 makes it due now. See
// [expiry.Schedule.Set].
func (t *Trigger) Set(ctx context.Context, action, id string, after time.Duration) error {
	return t.scheduleOf().Set(ctx, action, id, after)
}

// SetPayload sets a trigger with a payload for its handler. See
// [expiry.Schedule.SetPayload].
func (t *Trigger) SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error {
	return t.scheduleOf().SetPayload(ctx, action, id, payload, after)
}

// SetAt makes a trigger due at a time, by the server's clock; a time in the
// past means now. See [expiry.Schedule.SetAt].
//
// If the time is zero, SetAt returns [ErrInvalidArgument].
func (t *Trigger) SetAt(ctx context.Context, action, id string, at time.Time) error {
	return t.scheduleOf().SetAt(ctx, action, id, at)
}

// SetPayloadAt makes a trigger due at a time, with a payload for its handler.
// See [expiry.Schedule.SetPayloadAt].
func (t *Trigger) SetPayloadAt(ctx context.Context, action, id string, payload any, at time.Time) error {
	return t.scheduleOf().SetPayloadAt(ctx, action, id, payload, at)
}

// SetEvery sets a recurring trigger, which is due after a period and again in
// every period, until it is deleted or set by [Trigger.Set]. The period counts
// from when the trigger was due, so the times do not drift. Times that were
// missed while no listener ran fire once. See [expiry.Schedule.SetEvery].
//
// If the period is under a second, SetEvery returns [ErrInvalidSchedule].
func (t *Trigger) SetEvery(ctx context.Context, action, id string, every time.Duration) error {
	return t.scheduleOf().SetEvery(ctx, action, id, every)
}

// SetPayloadEvery sets a recurring trigger with a payload for its handler. See
// [expiry.Schedule.SetPayloadEvery].
func (t *Trigger) SetPayloadEvery(ctx context.Context, action, id string, payload any, every time.Duration) error {
	return t.scheduleOf().SetPayloadEvery(ctx, action, id, payload, every)
}

// SetCron sets a recurring trigger, which is due at the times of a cron spec,
// such as "30 2 * * MON", in a time zone, such as "Europe/Berlin". See
// [expiry.Schedule.SetCron] for specs and for days of 23 and 25 hours.
//
// If the spec cannot be read, or if the time zone is unknown, SetCron returns
// [ErrInvalidSchedule].
func (t *Trigger) SetCron(ctx context.Context, action, id, spec, zone string) error {
	return t.scheduleOf().SetCron(ctx, action, id, spec, zone)
}

// SetPayloadCron sets a recurring trigger with a cron spec and a payload for
// its handler. See [expiry.Schedule.SetPayloadCron].
func (t *Trigger) SetPayloadCron(ctx context.Context, action, id string, payload any, spec, zone string) error {
	return t.scheduleOf().SetPayloadCron(ctx, action, id, payload, spec, zone)
}

// Debounce postpones the work until quiet has passed without another call, but
// no longer than atMost after the first call. See [expiry.Schedule.Debounce].
//
// If quiet is longer than atMost, Debounce returns [ErrInvalidArgument].
func (t *Trigger) Debounce(ctx context.Context, action, id string, quiet, atMost time.Duration) error {
	return t.scheduleOf().Debounce(ctx, action, id, quiet, atMost)
}

// Delete cancels a trigger and reports whether it was set. A recurring trigger
// ends, also while its handler runs. See [expiry.Schedule.Delete].
func (t *Trigger) Delete(ctx context.Context, action, id string) (bool, error) {
	return t.scheduleOf().Delete(ctx, action, id)
}

// Due returns the time at which a trigger is due. See [expiry.Schedule.Due].
//
// If the trigger is not set, Due returns [ErrNotFound].
func (t *Trigger) Due(ctx context.Context, action, id string) (time.Time, error) {
	return t.scheduleOf().Due(ctx, action, id)
}

// Rule returns the rule of a recurring trigger. See [expiry.Schedule.Rule].
//
// If the trigger is not set or not recurring, Rule returns [ErrNotFound].
func (t *Trigger) Rule(ctx context.Context, action, id string) (expiry.Rule, error) {
	return t.scheduleOf().Rule(ctx, action, id)
}

// DeleteAll cancels the triggers of every action for an id, and returns their
// number. See [expiry.Schedule.DeleteAll].
func (t *Trigger) DeleteAll(ctx context.Context, id string) (int64, error) {
	return t.scheduleOf().DeleteAll(ctx, id)
}

// List iterates over the triggers of the tenant in the given states, or in all
// states if there is none: those that have not fired, those that a handler
// works on, those that wait for another attempt, and the dead letters. See
// [expiry.Schedule.List].
func (t *Trigger) List(ctx context.Context, states ...expiry.State) iter.Seq2[expiry.Entry, error] {
	return t.scheduleOf().List(ctx, states...)
}

// Dead iterates over the dead letters of the tenant for the given actions, or
// for all actions if there is none. It needs no listener. See
// [expiry.Schedule.Dead].
func (t *Trigger) Dead(ctx context.Context, actions ...string) iter.Seq2[expiry.Event, error] {
	return t.scheduleOf().Dead(ctx, actions...)
}

// Retry redelivers a dead letter at once. See [expiry.Schedule.Retry].
//
// If there is no such dead letter, Retry returns [ErrNotFound]. If the event is
// that of another tenant, it returns [ErrInvalidArgument].
func (t *Trigger) Retry(ctx context.Context, e expiry.Event) error {
	return t.scheduleOf().Retry(ctx, e)
}

// Discard removes a dead letter and its payload. It takes the same events as
// [Trigger.Retry], and returns the same errors. See [expiry.Schedule.Discard].
func (t *Trigger) Discard(ctx context.Context, e expiry.Event) error {
	return t.scheduleOf().Discard(ctx, e)
}

// Key returns the key of a trigger, without the prefix of the pool. See
// [expiry.Schedule.Key].
func (t *Trigger) Key(action, id string) (string, error) { return t.scheduleOf().Key(action, id) }

// scheduleOf returns the schedule of t. It is nil if t is nil; then its calls
// return an error.
func (t *Trigger) scheduleOf() *expiry.Schedule {
	if t == nil {
		return nil
	}
	return t.schedule
}
