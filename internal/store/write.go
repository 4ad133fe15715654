package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

//go:embed lua/preamble.lua
var preamble string

// Script is a write script: preamble.lua and a body of the package that runs it.
type Script struct {
	lua        *rueidis.Lua
	source     string
	sha        string
	checksType bool
	shape      Shape
}

// NewScript makes a script of body, which follows preamble.lua. Beside the statuses
// of preamble.lua it gives replies of one shape.
func NewScript(body string, reply Shape) *Script {
	source := acl.RegisterScript(preamble + body)
	return &Script{lua: rueidis.NewLuaScript(source), source: source, sha: scriptSHA(source), shape: reply}
}

// NewTypedScript is NewScript for a body that does not ask whether the record
// existed, and whose first command refuses a key of another type: preamble.lua
// looks at the key only where a condition or KeepTTL wants it.
func NewTypeCheckingScript(body string, reply Shape) *Script {
	s := NewScript(body, reply)
	s.checksType = true
	return s
}

// Run executes the script on the target's key, and on more keys of its slot.
func (s *Store) Run(ctx context.Context, t fault.Target, script *Script, args []string, more ...string) (rueidis.RedisMessage, error) {
	for _, key := range more {
		if s.Client.Mode() == rueidis.ClientModeCluster && keyspace.Slot(key) != keyspace.Slot(t.Key) {
			return rueidis.RedisMessage{}, t.NotApplied(otherSlotError(key))
		}
	}
	keys := append([]string{t.Key}, more...)
	defer s.realm.Forget(keys...)
	m, err := script.lua.Exec(ctx, s.Client, keys, s.arguments(script, args)).ToMessage()
	return script.result(t, m, err)
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
		replies[i], errs[i] = script.result(calls[i].Target, m, err)
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
	for again := notLoaded(calls, results); len(again) > 0; again = notLoaded(calls, results) {
		first := calls[again[0]]
		results[again[0]] = s.Client.Do(ctx, s.Client.B().Eval().Script(script.source).Numkeys(1).
			Key(first.Target.Key).Arg(s.arguments(script, first.Args)...).Build())
		if isNoScript(results[again[0]]) { // no server says this of EVAL
			return results
		}
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
func notLoaded(calls []Call, results []rueidis.RedisResult) (again []int) {
	if !slices.ContainsFunc(results, isNoScript) {
		return nil
	}
	made := map[string]bool{}
	for i, r := range slices.Backward(results) {
		if key := calls[i].Target.Key; !isNoScript(r) {
			made[key] = true
		} else if !made[key] {
			again = append(again, i)
		}
	}
	slices.Reverse(again)
	return again
}

func isNoScript(r rueidis.RedisResult) bool {
	e, refused := rueidis.IsRedisErr(r.Error())
	return refused && e.IsNoScript()
}

func (s *Store) arguments(script *Script, args []string) []string {
	condition, ms, keep := s.lifetimeArguments()
	kind := string(s.spec.Kind)
	if script.checksType && condition == "" && keep == "" {
		kind = ""
	}
	return append(append(make([]string, 0, 4+len(args)), condition, ms, keep, kind), args...)
}

// verdict turns the statuses of the scripts, and replies of another shape, into
// errors.
func (s *Script) result(t fault.Target, m rueidis.RedisMessage, err error) (rueidis.RedisMessage, error) {
	if err != nil {
		if rueidis.IsRedisNil(err) {
			err = ErrShape
		}
		return m, t.Failed(err)
	}
	if !m.IsString() {
		return m, s.shape.Check(t, m)
	}
	switch status, _ := m.ToString(); status {
	case "NOTFOUND":
		return m, t.NotApplied(fault.ErrNotFound)
	case "EXISTS":
		return m, t.NotApplied(fault.ErrExists)
	case "FULL":
		return m, t.NotApplied(fault.ErrFull)
	}
	return m, s.shape.Check(t, m)
}

// ErrGrown is why a script refuses a value.
var ErrValueTooLarge = fmt.Errorf("%w: it would grow over Config.MaxValueBytes", fault.ErrTooLarge)

// sum adds integer replies, one for each target: how many of them removed
// something.
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
	return total, steps.Error(targets[0], errors.Join(errs...))
}

// number reads an integer that has a shape.
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
