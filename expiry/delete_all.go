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

// DeleteAll takes back the triggers of every action for id, and for no other
// id, and counts them: SCAN for the keys and for the actions that have a
// schedule, and the script of Delete for each. Not atomic.
//
// If one of the scripts fails the others are run all the same, and the count is
// that of those that did not fail. The error is then that of the first that
// failed, and MaybeApplied is true if any trigger was or may have been deleted.
//
// Errors: those of Delete.
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
	found := map[string]triggerKey{} // by key: a schedule outlives a key, and a bare key has none
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
		calls = append(calls, rueidis.LuaExec{Keys: []string{key, w.scheduleKey("due"), w.scheduleKey("payloads")}})
	}
	if len(calls) == 0 {
		return 0, nil
	}
	var failure error
	applied := false
	for i, r := range s.lua.delete.ExecMulti(ctx, s.core.Client, calls...) {
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

// family is keys that SCAN may find, told apart by what reads them: a
// store.Keys.
type scanKeys struct {
	kind   store.Kind
	glob   string
	parse  func(key string) (triggerKey, bool)
	prefix string // the pool's, which a label's key has and Glob and ID have not
}

// Glob matches every key of the family, without the pool's prefix.
func (f scanKeys) Glob() string { return f.glob }

// ID says whether a key is the family's.
func (f scanKeys) ID(key string) (string, bool) {
	_, ok := f.parse(f.prefix + key)
	return key, ok
}

// keysOf are the triggers for id that have a key.
func (s *Schedule) keysOf(id string) scanKeys {
	glob := s.names.glob(triggerKey{s.tenant, keyspace.Any, keyspace.Any, id})
	return scanKeys{store.String, glob, func(key string) (triggerKey, bool) {
		l, ok := s.names.parse(key)
		want, err := s.names.key(triggerKey{s.tenant, l.shard, l.action, id})
		return l, ok && err == nil && want == key
	}, s.core.Prefix()}
}

// sortedSet is the type of what is due.
const sortedSet store.Kind = "zset"

// scheduled are the due sets, each read as the trigger for id of its action.
func (s *Schedule) scheduled(id string) scanKeys {
	return scanKeys{sortedSet, "%exp*:due:*", func(key string) (triggerKey, bool) {
		l, ok := s.names.parseDueKey(key)
		return triggerKey{s.tenant, s.names.shard(s.tenant, l.action, id), l.action, id}, ok
	}, s.core.Prefix()}
}
