package store

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Call is one run of a script by [Store.RunMany].
type Call struct {
	Target fault.Target
	Args   []string
	Keys   []string // besides those of all calls
}

// numKeys returns the number of keys of the call, with those of all calls.
func (c *Call) numKeys(more []string) int64 { return int64(1 + len(more) + len(c.Keys)) }

// RunMany runs the script once for each call, in one pipeline, on the key of
// its target and on more keys, which must be in its slot. Each call is atomic,
// but all of them together are not. Reply i and error i belong to call i.
func (s *Store) RunMany(ctx context.Context, script *Script, calls []Call, more ...string) ([]rueidis.RedisMessage, []error) {
	defer func() {
		for _, c := range calls {
			s.realm.Forget(c.Target.Key)
		}
	}()
	results := s.evalMany(ctx, script, calls, more)
	replies, errs := make([]rueidis.RedisMessage, len(calls)), make([]error, len(calls))
	for i := range results {
		m, err := results[i].ToMessage()
		replies[i], errs[i] = script.result(calls[i].Target, m, err)
	}
	return replies, errs
}

// evalMany sends EVALSHA for all calls. If a server does not have the script,
// it sends one of the refused calls with EVAL, which loads the script, and then
// the others again, until every server has it.
func (s *Store) evalMany(ctx context.Context, script *Script, calls []Call, more []string) []rueidis.RedisResult {
	evalSHA := func(c Call) rueidis.Completed {
		return s.Client.B().Evalsha().Sha1(script.sha).Numkeys(c.numKeys(more)).
			Key(c.Target.Key).Key(more...).Key(c.Keys...).Arg(s.arguments(script, c.Args)...).Build()
	}
	cmds := make(rueidis.Commands, len(calls))
	for i, c := range calls {
		cmds[i] = evalSHA(c)
	}
	if len(calls) > 0 {
		ctx = calls[0].Target.In(ctx)
	}
	results := s.Client.DoMulti(ctx, cmds...)
	for again := notLoaded(calls, results); len(again) > 0; again = notLoaded(calls, results) {
		first := calls[again[0]]
		results[again[0]] = s.Client.Do(ctx, s.Client.B().Eval().Script(script.source).Numkeys(first.numKeys(more)).
			Key(first.Target.Key).Key(more...).Key(first.Keys...).Arg(s.arguments(script, first.Args)...).Build())
		if IsNoScript(results[again[0]]) { // unexpected after EVAL; do not loop
			return results
		}
		rest := make(rueidis.Commands, 0, len(again)-1)
		for _, i := range again[1:] {
			rest = append(rest, evalSHA(calls[i]))
		}
		for n, r := range s.Client.DoMulti(ctx, rest...) {
			results[again[1+n]] = r
		}
	}
	return results
}

// notLoaded returns the indexes of the calls that a server refused because it
// does not have the script. It leaves out a call if a later call on the same
// key ran: to run it now would change the order.
func notLoaded(calls []Call, results []rueidis.RedisResult) (again []int) {
	if !slices.ContainsFunc(results, IsNoScript) {
		return nil
	}
	made := map[string]bool{}
	for i, r := range slices.Backward(results) {
		if key := calls[i].Target.Key; !IsNoScript(r) {
			made[key] = true
		} else if !made[key] {
			again = append(again, i)
		}
	}
	slices.Reverse(again)
	return again
}

// IsNoScript reports whether the server does not have the script.
func IsNoScript(r rueidis.RedisResult) bool {
	e, refused := rueidis.IsRedisErr(r.Error())
	return refused && e.IsNoScript()
}
