package symphony

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

// Trigger sets deferred work: a key for each action and id,
// `{tenant}:EXPTRIGGER:{action}:{id}`, that expires when the work falls due.
type Trigger struct {
	keys    *kvrepo.KVRepo[string]
	pattern keyspace.Pattern
	tenant  string
}

// NewTrigger makes the repository of a tenant's triggers, on pool.Expiry. The
// delay is a trigger's lifetime, so TTL, KeepTTL and NoTTL do not apply. Nothing
// is sent. Errors: ErrInvalidKey, and those of kvrepo.New.
func NewTrigger(pools *pool.Pools, tenant string, opts ...Option) (*Trigger, error) {
	pattern, rest, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.Trigger }, opts)
	if err != nil {
		return nil, err
	}
	if err := checkTrigger(rest); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	all, err := pattern.Bind(tenant, keyspace.Any, "id")
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	keys, err := kvrepo.New[string](pools, pool.Expiry, all, rest...)
	if err != nil {
		return nil, err
	}
	return &Trigger{keys, pattern, tenant}, nil
}

// With is a view with more options; see kvrepo.KVRepo.With.
func (t *Trigger) With(opts ...Option) *Trigger {
	if err := checkTrigger(opts); err != nil {
		opts = []Option{option.Failing(err)}
	}
	return &Trigger{t.keys.With(opts...), t.pattern, t.tenant}
}

// checkTrigger refuses options that a repository of values takes and a trigger
// does not.
func checkTrigger(opts []Option) error { return new(option.Settings).Apply(0, opts...) }

// Set makes the work of action for id fall due after a delay, rounded up to
// whole milliseconds; setting again moves the due time: SET with PX. Atomic.
//
// Errors: ErrInvalidKey; ErrInvalidTTL for a delay that is not positive.
func (t *Trigger) Set(ctx context.Context, action, id string, after time.Duration) error {
	ids, err := t.of(action)
	if err != nil {
		return err
	}
	if after <= 0 {
		return fmt.Errorf("symphony: Set %q %q: %w: a delay of %v; give a positive one", action, id, ErrInvalidTTL, after)
	}
	after = max(after, time.Millisecond)
	set := time.Now().UTC().Format("2006-01-02T15:04:05.000000")
	return ids.With(TTL(after)).Set(ctx, id, "trigger:"+set)
}

// Delete takes a trigger back, and reports whether there was one: UNLINK.
func (t *Trigger) Delete(ctx context.Context, action, id string) (bool, error) {
	ids, err := t.of(action)
	if err != nil {
		return false, err
	}
	n, err := ids.Delete(ctx, id)
	return n == 1, err
}

// DeleteAll takes back the triggers of every action for id, and for no other
// id, and counts them: SCAN, and UNLINK a page at a time. Not atomic.
func (t *Trigger) DeleteAll(ctx context.Context, id string) (int64, error) {
	actions, err := t.pattern.Bind(t.tenant, keyspace.Any, id)
	if err != nil {
		return 0, fmt.Errorf("symphony: %w", err)
	}
	return t.keys.In(actions).DeleteAll(ctx)
}

// of gives the triggers of one action, by id.
func (t *Trigger) of(action string) (*kvrepo.KVRepo[string], error) {
	ids, err := t.pattern.Bind(t.tenant, action)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return t.keys.In(ids), nil
}
