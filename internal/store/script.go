package store

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

//go:embed lua/preamble.lua
var preamble string

// Script is a script that writes: preamble.lua, followed by the body of the
// package that runs it, or only the body if it is short.
type Script struct {
	lua        *rueidis.Lua
	source     string
	sha        string
	checksType bool // the first command of the body refuses another type
	short      bool // see NewShortScript
	shape      Shape
}

// NewScript returns the script of body, which runs after preamble.lua. The
// reply of the body must have the given shape. The preamble may return a status
// instead.
func NewScript(body string, reply Shape) *Script {
	source := acl.RegisterScript(preamble + body)
	return &Script{lua: rueidis.NewLuaScript(source), source: source, sha: ScriptSHA(source), shape: reply}
}

// NewTypeCheckingScript is like [NewScript], for a body whose first command
// refuses a key of another type, and that sets the variable existed itself if
// it uses it. The preamble then calls TYPE only for a condition or for KeepTTL.
func NewTypeCheckingScript(body string, reply Shape) *Script {
	s := NewScript(body, reply)
	s.checksType = true
	return s
}

// ScriptSHA returns the SHA1 by which Redis identifies a script.
func ScriptSHA(source string) string {
	sum := sha1.Sum([]byte(source))
	return hex.EncodeToString(sum[:])
}

// Run runs the script on the key of t and on more keys. It sends EVALSHA, and
// EVAL if the server does not have the script. If a key is in another slot of a
// cluster, Run returns an error and sends nothing.
func (s *Store) Run(ctx context.Context, t fault.Target, script *Script, args []string, more ...string) (rueidis.RedisMessage, error) {
	for _, key := range more {
		if s.Client.Mode() == rueidis.ClientModeCluster && keyspace.Slot(key) != keyspace.Slot(t.Key) {
			return rueidis.RedisMessage{}, t.NotApplied(otherSlotError(key))
		}
	}
	keys := append([]string{t.Key}, more...)
	defer s.realm.Forget(keys...)
	m, err := script.lua.Exec(t.In(ctx), s.Client, keys, s.arguments(script, args)).ToMessage()
	return script.result(t, m, err)
}

// RunThenRead is like [Store.Run], followed in the same round trip by a command
// that reads the result of the script. The two are not atomic together. It is
// for large results: if the script returned them, Lua would convert each
// element twice. The caller must ensure that all keys are in one slot.
func (s *Store) RunThenRead(
	ctx context.Context, t fault.Target, script *Script, args, more []string, read func() rueidis.Completed,
) (m, reply rueidis.RedisMessage, err error) {
	keys := append([]string{t.Key}, more...)
	defer s.realm.Forget(keys...)
	all := s.arguments(script, args)
	b := s.Client.B()
	ctx = t.In(ctx)
	results := s.Client.DoMulti(ctx, b.Evalsha().Sha1(script.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(all...).Build(), read())
	if e, ok := rueidis.IsRedisErr(results[0].Error()); ok && e.IsNoScript() {
		results = s.Client.DoMulti(ctx, b.Eval().Script(script.source).Numkeys(int64(len(keys))).Key(keys...).Arg(all...).Build(), read())
	}
	m, err = results[0].ToMessage()
	if m, err = script.result(t, m, err); err != nil {
		return m, reply, err
	}
	if reply, err = results[1].ToMessage(); err != nil {
		return m, reply, notRead(t, err)
	}
	return m, reply, nil
}

// notRead returns the error of a command that reads the result of a script.
func notRead(t fault.Target, err error) error {
	return t.Applied(errors.Join(errors.New("the write was applied, but its result could not be read"), fault.Translate(err)))
}

// arguments returns the arguments of preamble.lua, or those of a short script,
// followed by args.
func (s *Store) arguments(script *Script, args []string) []string {
	if script.short {
		ms := s.lifetimeMS
		if s.Keep {
			ms = ""
		}
		return append(append(make([]string, 0, 1+len(args)), ms), args...)
	}
	condition, ms, keep := s.lifetimeArguments()
	kind := string(s.spec.Kind)
	if script.checksType && condition == "" && keep == "" {
		kind = ""
	}
	return append(append(make([]string, 0, 4+len(args)), condition, ms, keep, kind), args...)
}

// result returns the reply of the script. It converts the statuses of the
// scripts, and replies that do not have the shape, to errors.
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
		return m, t.NotApplied(errFull)
	}
	return m, s.shape.Check(t, m)
}

var errFull = fmt.Errorf("%w: the items do not fit under MaxLen; raise it, or push again when there is room", fault.ErrFull)

// ErrValueTooLarge is the error if a script would make a value larger than
// [Store.MaxValueBytes].
var ErrValueTooLarge = fmt.Errorf("%w: it would grow beyond Config.MaxValueBytes; raise that field, or split the value", fault.ErrTooLarge)
