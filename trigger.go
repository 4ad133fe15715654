package symphony

import (
	"context"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Trigger sets deferred work of one tenant, by action and id. A trigger is a
// key, `{tenant}:EXPTRIGGER:{action}:{id}`, and an entry in a schedule beside
// it; an expiry.Listener in any process does the work when it falls due, at
// least once and never early. Package expiry says what is promised.
type Trigger struct{ schedule *expiry.Schedule }

// NewTrigger makes the repository of a tenant's triggers, on pool.Expiry. The
// delay is a trigger's lifetime, so TTL, KeepTTL and NoTTL do not apply. Nothing
// is sent. Errors: those of expiry.NewSchedule.
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

// With is a view with more options; see expiry.Schedule.With.
func (t *Trigger) With(opts ...Option) *Trigger { return &Trigger{t.schedule.With(opts...)} }

// Set makes the work of action for id fall due after a delay, rounded up to
// whole milliseconds; 0 means now. Setting again moves the due time. See
// expiry.Schedule.Set.
func (t *Trigger) Set(ctx context.Context, action, id string, after time.Duration) error {
	return t.schedule.Set(ctx, action, id, after)
}

// SetPayload is Set with a payload for the handler. See
// expiry.Schedule.SetPayload.
func (t *Trigger) SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error {
	return t.schedule.SetPayload(ctx, action, id, payload, after)
}

// Debounce postpones the work until quiet has passed without another call, but no
// longer than atMost after the first call. See [expiry.Schedule.Debounce].
func (t *Trigger) Debounce(ctx context.Context, action, id string, quiet, atMost time.Duration) error {
	return t.schedule.Debounce(ctx, action, id, quiet, atMost)
}

// Delete takes back a trigger that has not fired, and reports whether there was
// one. See expiry.Schedule.Delete.
func (t *Trigger) Delete(ctx context.Context, action, id string) (bool, error) {
	return t.schedule.Delete(ctx, action, id)
}

// Due tells when a trigger falls due that has not fired; ErrNotFound where there is
// none. See expiry.Schedule.Due.
func (t *Trigger) Due(ctx context.Context, action, id string) (time.Time, error) {
	return t.schedule.Due(ctx, action, id)
}

// DeleteAll takes back the triggers of every action for id, and for no other
// id, and counts them. See expiry.Schedule.DeleteAll.
func (t *Trigger) DeleteAll(ctx context.Context, id string) (int64, error) {
	return t.schedule.DeleteAll(ctx, id)
}

// Key is the key of a trigger, for commands on the raw client, where the pool's
// prefix comes before it. See expiry.Schedule.Key.
func (t *Trigger) Key(action, id string) (string, error) { return t.schedule.Key(action, id) }
