package store

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/fault"
)

// NewShortScript returns the script of body, which runs without preamble.lua.
// It checks no condition of the options. ARGV[1] is their lifetime in
// milliseconds, "0" for none, or "" if an existing key keeps its lifetime. The
// arguments of the body start at ARGV[2].
func NewShortScript(body string, reply Shape) *Script {
	source := acl.RegisterScript(body)
	return &Script{lua: rueidis.NewLuaScript(source), source: source, sha: ScriptSHA(source), short: true, shape: reply}
}

// RunAndRead is like [Store.Run] on a hash, followed by HMGET for the fields,
// or HGETALL if fields is nil, in one transaction. It costs the server less
// than a script that returns what it reads, because Lua would convert each
// element twice. A script that the server does not have changes nothing, so it
// is sent again.
func (s *Store) RunAndRead(
	ctx context.Context, t fault.Target, script *Script, args, fields []string,
) (m, reply rueidis.RedisMessage, err error) {
	defer s.realm.Forget(t.Key)
	all := s.arguments(script, args)
	b := s.primary.B()
	ctx = t.In(ctx)
	replies, err := s.execAndRead(ctx, b.Evalsha().Sha1(script.sha).Numkeys(1).Key(t.Key).Arg(all...).Build(), t.Key, fields)
	if refused, ok := rueidis.IsRedisErr(err); ok && refused.IsNoScript() {
		replies, err = s.execAndRead(ctx, b.Eval().Script(script.source).Numkeys(1).Key(t.Key).Arg(all...).Build(), t.Key, fields)
	}
	if replies == nil {
		return m, reply, t.Failed(err)
	}
	m, reply = replies[0], replies[1]
	if m, err = script.result(t, m, m.Error()); err != nil {
		return m, reply, err
	}
	if err := reply.Error(); err != nil {
		return m, reply, notRead(t, err)
	}
	return m, reply, nil
}

// execAndRead sends a command and the command that reads fields of a hash in a
// transaction.
func (s *Store) execAndRead(ctx context.Context, cmd rueidis.Completed, key string, fields []string) ([]rueidis.RedisMessage, error) {
	b := s.primary.B()
	var read rueidis.Completed
	if fields == nil {
		read = b.Hgetall().Key(key).Build()
	} else {
		read = b.Hmget().Key(key).Field(fields...).Build()
	}
	return ExecReplies(s.primary.DoMulti(ctx, b.Multi().Build(), cmd, read, b.Exec().Build()))
}
