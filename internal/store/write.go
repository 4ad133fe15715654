package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// Tx is the commands of one transaction, MULTI first.
type Tx rueidis.Commands

// Tx begins a transaction of about n commands.
func (s *Store) Tx(n int) Tx { return append(make(Tx, 0, n+3), s.Client.B().Multi().Build()) }

// Write sends a transaction in one round trip, with the command for the key's
// lifetime and EXEC behind it, and gives back the replies to its commands. It
// is for writes without a condition that do not keep the lifetime; the others
// are scripts. A command that the server refuses is an error, although the
// others ran: MULTI knows no rollback.
func (s *Store) Write(ctx context.Context, t fault.Target, tx Tx) ([]rueidis.RedisMessage, error) {
	replies, _, err := s.WriteRenewed(ctx, t, tx)
	return replies, err
}

// WriteRenewed is Write that also reports whether the command for the lifetime
// changed the key: if the settings have no lifetime, whether the key had one.
func (s *Store) WriteRenewed(ctx context.Context, t fault.Target, tx Tx) ([]rueidis.RedisMessage, bool, error) {
	if err := s.oneSlot(t, tx); err != nil {
		return nil, false, err
	}
	tx = append(tx, s.lifetime(t.Key), s.Client.B().Exec().Build())
	replies, err := Exec(s.SendAll(ctx, []fault.Target{t}, tx...))
	if err != nil && !slices.ContainsFunc(replies[:max(len(replies)-1, 0)], done) {
		return nil, false, t.Sent(err)
	}
	if err != nil {
		return nil, false, t.Applied(fmt.Errorf("a part was refused: %w", fault.Reason(err)))
	}
	last := len(replies) - 1
	renewed, err := replies[last].ToInt64()
	return replies[:last], err == nil && renewed == 1, nil
}

// oneSlot refuses a transaction over keys that no step of a cluster can change
// together.
func (s *Store) oneSlot(t fault.Target, tx Tx) error {
	if len(tx) < 3 || s.Client.Mode() != rueidis.ClientModeCluster {
		return nil
	}
	slot := keyspace.Slot(t.Key)
	for _, cmd := range tx[1:] {
		if cmd.Slot() != slot {
			return t.Refuse(apart(cmd.Commands()[1]))
		}
	}
	return nil
}

// apart is why keys cannot be changed in one step.
func apart(key string) error {
	return fmt.Errorf("%w: %q lies in another slot of the cluster; give both keys one hash tag, as keyspace.Cluster does", keyspace.ErrInvalidKey, key)
}

func done(reply rueidis.RedisMessage) bool {
	err := reply.Error()
	return err == nil || rueidis.IsRedisNil(err)
}

// Change is Write for one command that creates no key: with KeepTTL the
// command goes alone, since there is no lifetime to give.
func (s *Store) Change(ctx context.Context, t fault.Target, cmd rueidis.Completed) (rueidis.RedisMessage, error) {
	if s.Keep {
		return s.Do(ctx, t, cmd)
	}
	replies, err := s.Write(ctx, t, append(s.Tx(1), cmd))
	if err != nil {
		return rueidis.RedisMessage{}, err
	}
	return replies[0], nil
}

// Plain reports whether a write may go through Write: it has no condition,
// and no key that exists keeps its lifetime.
func (s *Store) Plain() bool { return !s.Keep && !s.Conditional() }

// Exec reads the results of MULTI, commands, EXEC: the replies of EXEC, and the
// first error among them.
func Exec(results []rueidis.RedisResult) ([]rueidis.RedisMessage, error) {
	last := len(results) - 1
	replies, err := results[last].ToArray()
	if err != nil {
		for _, r := range results[:last] {
			if queued := r.Error(); queued != nil {
				return nil, queued
			}
		}
		return nil, err
	}
	if len(replies) != last-1 {
		return nil, errors.New("EXEC answered fewer replies than it was given commands")
	}
	for i := range replies {
		if !done(replies[i]) {
			return replies, replies[i].Error()
		}
	}
	return replies, nil
}

//go:embed lua/rule.lua
var rule string

// Script is a write script: rule.lua and a body of the package that runs it.
type Script struct {
	lua    *rueidis.Lua
	source string
	sha    string
	typed  bool
}

// NewScript makes a script of body, which follows rule.lua.
func NewScript(body string) *Script {
	return &Script{lua: rueidis.NewLuaScript(rule + body), source: rule + body, sha: digest(rule + body)}
}

// NewTypedScript is NewScript for a body that does not ask whether the record
// existed, and whose first command refuses a key of another type: rule.lua
// looks at the key only where a condition or KeepTTL wants it.
func NewTypedScript(body string) *Script {
	s := NewScript(body)
	s.typed = true
	return s
}

// Run executes the script on the target's key, and on more keys of its slot.
func (s *Store) Run(ctx context.Context, t fault.Target, script *Script, args []string, more ...string) (rueidis.RedisMessage, error) {
	for _, key := range more {
		if s.Client.Mode() == rueidis.ClientModeCluster && keyspace.Slot(key) != keyspace.Slot(t.Key) {
			return rueidis.RedisMessage{}, t.Refuse(apart(key))
		}
	}
	keys := append([]string{t.Key}, more...)
	defer s.realm.Forget(keys...)
	m, err := script.lua.Exec(ctx, s.Client, keys, s.arguments(script, args)).ToMessage()
	return verdict(t, m, err)
}

// Call is one run of a script among many.
type Call struct {
	Target fault.Target
	Args   []string
}

// RunMany executes the script once for each call, pipelined; every call is
// atomic, all of them together are not. Reply and error i belong to call i.
func (s *Store) RunMany(ctx context.Context, script *Script, calls []Call) ([]rueidis.RedisMessage, []error) {
	defer func() {
		for _, c := range calls {
			s.realm.Forget(c.Target.Key)
		}
	}()
	results := s.evalMany(ctx, script, calls)
	replies, errs := make([]rueidis.RedisMessage, len(calls)), make([]error, len(calls))
	for i := range results {
		m, err := results[i].ToMessage()
		replies[i], errs[i] = verdict(calls[i].Target, m, err)
	}
	return replies, errs
}

// evalMany sends EVALSHA for every call. Where a server does not know the
// script, one call brings it there and the others follow, until every server
// that is concerned has it.
func (s *Store) evalMany(ctx context.Context, script *Script, calls []Call) []rueidis.RedisResult {
	cmds := make(rueidis.Commands, len(calls))
	for i, c := range calls {
		cmds[i] = s.Client.B().Evalsha().Sha1(script.sha).Numkeys(1).Key(c.Target.Key).Arg(s.arguments(script, c.Args)...).Build()
	}
	results := s.Client.DoMulti(ctx, cmds...)
	for again := unloaded(calls, results); len(again) > 0; again = unloaded(calls, results) {
		first := calls[again[0]]
		results[again[0]] = s.Client.Do(ctx, s.Client.B().Eval().Script(script.source).Numkeys(1).
			Key(first.Target.Key).Arg(s.arguments(script, first.Args)...).Build())
		rest := make(rueidis.Commands, 0, len(again)-1)
		for _, i := range again[1:] {
			rest = append(rest, s.Client.B().Evalsha().Sha1(script.sha).Numkeys(1).
				Key(calls[i].Target.Key).Arg(s.arguments(script, calls[i].Args)...).Build())
		}
		for n, r := range s.Client.DoMulti(ctx, rest...) {
			results[again[1+n]] = r
		}
	}
	return results
}

// unloaded are the calls that a server refused because it does not know the
// script, but for those behind which another call on the same key was made.
func unloaded(calls []Call, results []rueidis.RedisResult) (again []int) {
	if !slices.ContainsFunc(results, noScript) {
		return nil
	}
	made := map[string]bool{}
	for i, r := range slices.Backward(results) {
		if key := calls[i].Target.Key; !noScript(r) {
			made[key] = true
		} else if !made[key] {
			again = append(again, i)
		}
	}
	slices.Reverse(again)
	return again
}

func noScript(r rueidis.RedisResult) bool {
	e, refused := rueidis.IsRedisErr(r.Error())
	return refused && e.IsNoScript()
}

func (s *Store) arguments(script *Script, args []string) []string {
	condition, ms, keep := s.rule()
	kind := string(s.spec.Kind)
	if script.typed && condition == "" && keep == "" {
		kind = ""
	}
	return append(append(make([]string, 0, 4+len(args)), condition, ms, keep, kind), args...)
}

// verdict turns the statuses of the scripts into errors.
func verdict(t fault.Target, m rueidis.RedisMessage, err error) (rueidis.RedisMessage, error) {
	if err != nil {
		if rueidis.IsRedisNil(err) {
			return m, nil
		}
		return m, t.Sent(err)
	}
	if !m.IsString() {
		return m, nil
	}
	switch status, _ := m.ToString(); status {
	case "NOTFOUND":
		return m, t.Refuse(fault.ErrNotFound)
	case "EXISTS":
		return m, t.Refuse(fault.ErrExists)
	case "FULL":
		return m, t.Refuse(fault.ErrFull)
	}
	return m, nil
}

// ErrGrown is why a script refuses a value.
var ErrGrown = fmt.Errorf("%w: it would grow over Config.MaxValueBytes", fault.ErrTooLarge)

// sum adds integer replies, one for each target.
func sum(targets []fault.Target, results []rueidis.RedisResult) (total int64, err error) {
	var errs []error
	for i, r := range results {
		n, err := r.AsInt64()
		if err != nil {
			errs = append(errs, targets[i].Sent(err))
		}
		total += n
	}
	return total, errors.Join(errs...)
}
