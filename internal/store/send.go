package store

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Send sends one command of an operation. If the operation is a write, it
// removes the key from the cache when the command has ended. Every write to a
// record must use Send, [Store.SendAll], or a script, so that no later read
// returns the old record from the cache.
func (s *Store) Send(ctx context.Context, t fault.Target, cmd rueidis.Completed) rueidis.RedisResult {
	if t.Write {
		defer s.realm.Forget(t.Key)
	}
	return s.Client.Do(t.In(ctx), cmd)
}

// SendAll is like [Store.Send], for several commands in one pipeline. It
// removes the keys of all writes in ts from the cache.
func (s *Store) SendAll(ctx context.Context, ts []fault.Target, cmds ...rueidis.Completed) []rueidis.RedisResult {
	defer s.forget(ts)
	return s.Client.DoMulti(fault.In(ctx, ts), cmds...)
}

// Forget removes a key from the cache, after a script has written to it under
// another key than its target.
func (s *Store) Forget(key string) { s.realm.Forget(key) }

// forget removes the keys of all writes in ts from the cache.
func (s *Store) forget(ts []fault.Target) {
	for _, t := range ts {
		if t.Write {
			s.realm.Forget(t.Key)
		}
	}
}

// Do sends one command and checks the shape of its reply.
func (s *Store) Do(ctx context.Context, t fault.Target, cmd rueidis.Completed, shape Shape) (rueidis.RedisMessage, error) {
	m, err := s.Send(ctx, t, cmd).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return m, t.Failed(err)
	}
	return m, shape.Check(t, m)
}

// sumFlags returns the sum of replies that are 0 or 1, one for each target.
func sumFlags(targets []fault.Target, results []rueidis.RedisResult) (total int64, err error) {
	var steps fault.Steps
	var errs []error
	for i, r := range results {
		n, err := readInteger(targets[i], r, Flag)
		if err != nil {
			errs = append(errs, err)
		}
		total += n
	}
	if total > 0 {
		steps.Applied()
	}
	return total, steps.Error(targets[0], fault.Join(errs...))
}

// readInteger returns an integer reply of the given shape.
func readInteger(t fault.Target, r rueidis.RedisResult, shape Shape) (int64, error) {
	m, err := r.ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return 0, t.Failed(err)
	}
	if err := shape.Check(t, m); err != nil {
		return 0, err
	}
	return m.ToInt64()
}
