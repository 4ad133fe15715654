package expiry

import (
	"cmp"
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// DeleteAll deletes the triggers of all actions with this id, and returns their
// number. The id matches literally, so "*" deletes only the triggers with the
// id "*".
//
// DeleteAll sends SCAN for the keys of triggers and for the schedules, and runs
// the script of [Schedule.Delete] for each trigger. It is not atomic. If a
// script fails, the others run nevertheless. DeleteAll then returns the number
// of triggers that it deleted and the first error, whose
// [pool.OpError.MaybeApplied] returns true if any trigger was or may have been
// deleted.
//
// DeleteAll returns the errors of Delete.
func (s *Schedule) DeleteAll(ctx context.Context, id string) (int64, error) {
	t, err := s.beginAll(ctx, "DeleteAll")
	if err == nil {
		if err = cmp.Or(s.names.checkID(id), fault.ContextError(ctx)); err != nil {
			err = t.NotApplied(err)
		}
	}
	if err != nil {
		return 0, err
	}
	if err := s.core.RefuseAbsent(t); err != nil {
		return 0, err
	}
	found := map[string]triggerKey{} // by key: an entry of a schedule may have no key, and a bare key no entry
	for _, keys := range []scanKeys{s.keysOf(id), s.scheduled(id)} {
		for page, err := range s.core.Scan(ctx, "DeleteAll", keys.kind, keys, nil) {
			if err != nil {
				return 0, err
			}
			for _, target := range page.Targets {
				l, _ := keys.parse(target.Key)
				if key, err := s.names.key(l); err == nil {
					found[key] = l
				}
			}
		}
	}
	return s.deleteEach(ctx, t, found)
}

func (s *Schedule) deleteEach(ctx context.Context, t fault.Target, found map[string]triggerKey) (total int64, err error) {
	calls := make([]rueidis.LuaExec, 0, len(found))
	for key, l := range found {
		action, err := s.names.actionInKeys(l.action)
		if err != nil {
			return 0, t.NotApplied(err)
		}
		w := operation{t, s.names, l.shard, action}
		calls = append(calls, rueidis.LuaExec{Keys: []string{key, w.scheduleKey("due"), w.scheduleKey("payloads"), w.scheduleKey("status")}})
	}
	if len(calls) == 0 {
		return 0, nil
	}
	var failure error
	applied := false
	for i, r := range s.lua.delete.ExecMulti(t.In(ctx), s.core.Client, calls...) {
		n, err := asNumber[int64](s.lua.delete.read(r))
		total += n
		applied = applied || n > 0 || maybeApplied(t, err)
		if err != nil && failure == nil {
			t.Key, failure = calls[i].Keys[0], err
		}
	}
	switch {
	case failure == nil:
		return total, nil
	case applied:
		return total, t.Applied(reasonOf(failure))
	}
	return total, sentError(t, failure)
}

func maybeApplied(t fault.Target, err error) bool {
	var op *fault.OpError
	return err != nil && errors.As(t.Failed(err), &op) && op.MaybeApplied()
}

// scanKeys is a set of keys that SCAN can find. It implements store.Keys.
type scanKeys struct {
	kind   store.Kind
	glob   string
	parse  func(key string) (triggerKey, bool)
	prefix string // of the pool: parse expects it, Glob and ID do not
}

// Glob returns the pattern that matches the keys, without the pool's prefix.
func (f scanKeys) Glob() string { return f.glob }

// ID reports whether a key belongs to the set.
func (f scanKeys) ID(key string) (string, bool) {
	_, ok := f.parse(f.prefix + key)
	return key, ok
}

// keysOf returns the keys of the triggers with this id.
func (s *Schedule) keysOf(id string) scanKeys {
	glob := s.names.glob(triggerKey{s.tenant, keyspace.Any, keyspace.Any, id})
	return scanKeys{store.String, glob, func(key string) (triggerKey, bool) {
		l, ok := s.names.parse(key)
		want, err := s.names.key(triggerKey{s.tenant, l.shard, l.action, id})
		return l, ok && err == nil && want == key
	}, s.core.Prefix()}
}

// sortedSet is the type of the keys that hold due times and active firings.
const sortedSet store.Kind = "zset"

// scheduled returns the due and active keys of all actions. Each is parsed as
// the trigger of that action with this id: a recurring trigger may have an
// active firing and no due entry.
func (s *Schedule) scheduled(id string) scanKeys {
	return scanKeys{sortedSet, "%exp*:*:*", func(key string) (triggerKey, bool) {
		kind, l, ok := s.names.parseScheduleKey(key)
		return triggerKey{s.tenant, s.names.shard(s.tenant, l.action, id), l.action, id}, ok && (kind == "due" || kind == "active")
	}, s.core.Prefix()}
}
