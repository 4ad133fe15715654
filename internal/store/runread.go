package store

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// RunRead is Run with a command behind it that reads what the script made, in
// the same round trip. What is large is better read so than returned by the
// script: Lua turns every element into a value of its own, twice.
func (s *Store) RunThenRead(
	ctx context.Context, t fault.Target, script *Script, args, more []string, read func() rueidis.Completed,
) (m, reply rueidis.RedisMessage, err error) {
	keys := append([]string{t.Key}, more...)
	defer s.realm.Forget(keys...)
	all := s.arguments(script, args)
	b := s.Client.B()
	results := s.Client.DoMulti(ctx, b.Evalsha().Sha1(script.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(all...).Build(), read())
	if e, ok := rueidis.IsRedisErr(results[0].Error()); ok && e.IsNoScript() {
		results = s.Client.DoMulti(ctx, b.Eval().Script(script.source).Numkeys(int64(len(keys))).Key(keys...).Arg(all...).Build(), read())
	}
	m, err = results[0].ToMessage()
	if m, err = script.result(t, m, err); err != nil {
		return m, reply, err
	}
	if reply, err = results[1].ToMessage(); err != nil {
		return m, reply, t.Applied(errors.Join(errors.New("what was written could not be read back"), err))
	}
	return m, reply, nil
}

// digest is the name that Redis gives a script.
func scriptSHA(source string) string {
	sum := sha1.Sum([]byte(source))
	return hex.EncodeToString(sum[:])
}
