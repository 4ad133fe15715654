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
//   - set: [Trigger.Set], [Trigger.SetPayload], [Trigger.Debounce]
//   - read: [Trigger.Due], [Trigger.List], [Trigger.Key]
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

// Debounce postpones the work until quiet has passed without another call, but
// no longer than atMost after the first call. See [expiry.Schedule.Debounce].
//
// If quiet is longer than atMost, Debounce returns [ErrInvalidArgument].
func (t *Trigger) Debounce(ctx context.Context, action, id string, quiet, atMost time.Duration) error {
	return t.scheduleOf().Debounce(ctx, action, id, quiet, atMost)
}

// Delete cancels a trigger and reports whether it was set. See
// [expiry.Schedule.Delete].
func (t *Trigger) Delete(ctx context.Context, action, id string) (bool, error) {
	return t.scheduleOf().Delete(ctx, action, id)
}

// Due returns the time at which a trigger is due. See [expiry.Schedule.Due].
//
// If the trigger is not set, Due returns [ErrNotFound].
func (t *Trigger) Due(ctx context.Context, action, id string) (time.Time, error) {
	return t.scheduleOf().Due(ctx, action, id)
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
