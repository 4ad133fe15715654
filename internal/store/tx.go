package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
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
// others ran: MULTI knows no rollback. A key of another type keeps its lifetime.
func (s *Store) Commit(ctx context.Context, t fault.Target, tx Tx) ([]rueidis.RedisMessage, error) {
	replies, _, err := s.CommitRenewing(ctx, t, tx, Count)
	return replies, err
}

// WriteRenewed is Write that also reports whether the command for the lifetime
// changed the key: if the settings have no lifetime, whether the key had one.
// shape is that of the replies to the commands of tx.
func (s *Store) CommitRenewing(ctx context.Context, t fault.Target, tx Tx, shape Shape) ([]rueidis.RedisMessage, bool, error) {
	if err := s.oneSlot(t, tx); err != nil {
		return nil, false, err
	}
	tx = append(tx, s.lifetimeCommand(t.Key), s.Client.B().Exec().Build())
	replies, err := ExecReplies(s.SendAll(ctx, []fault.Target{t}, tx...))
	if err != nil && !slices.ContainsFunc(replies[:max(len(replies)-1, 0)], succeeded) {
		return nil, false, t.Failed(err)
	}
	if err != nil {
		return nil, false, t.Applied(fmt.Errorf("a part was refused: %w", fault.Translate(err)))
	}
	last := len(replies) - 1
	for i, reply := range replies {
		if i < last && !shape(reply) || i == last && !Flag(reply) {
			return nil, false, t.Applied(ErrShape)
		}
	}
	renewed, err := replies[last].ToInt64()
	return replies[:last], err == nil && renewed == 1, nil
}

// The scripts of a transaction give a key the lifetime ARGV[2], or none, only if
// it has the type ARGV[1]. PEXPIRE alone would shorten the life of what somebody
// else keeps under the key: MULTI runs it although the write before it is refused.
// They are short, since EVAL sends and hashes them. EVALSHA saves nothing that
// can be measured, and would leave a record without a lifetime on a server that
// lost the script.
var (
	expireSource  = acl.RegisterScript(ifTyped + "return redis.call('PEXPIRE',KEYS[1],ARGV[2])")
	persistSource = acl.RegisterScript(ifTyped + "return redis.call('PERSIST',KEYS[1])")
)

const ifTyped = "if redis.call('TYPE',KEYS[1])['ok']~=ARGV[1] then return 0 end\n"

// lifetime is the command of a transaction that gives a record the lifetime of
// the settings.
func (s *Store) lifetimeCommand(key string) rueidis.Completed {
	kind := string(s.spec.Kind)
	if s.Lifetime == 0 {
		return s.Client.B().Eval().Script(persistSource).Numkeys(1).Key(key).Arg(kind).Build()
	}
	return s.Client.B().Eval().Script(expireSource).Numkeys(1).Key(key).Arg(kind, s.lifetimeMS).Build()
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
			return t.NotApplied(otherSlotError(cmd.Commands()[1]))
		}
	}
	return nil
}

// apart is why keys cannot be changed in one step.
func otherSlotError(key string) error {
	return fmt.Errorf("%w: %q lies in another slot of the cluster; give both keys one hash tag, as keyspace.Cluster does", keyspace.ErrInvalidKey, key)
}

func succeeded(reply rueidis.RedisMessage) bool {
	err := reply.Error()
	return err == nil || rueidis.IsRedisNil(err)
}

// Plain reports whether a write may go through Write: it has no condition,
// and no key that exists keeps its lifetime.
func (s *Store) AllowsTx() bool { return !s.Keep && !s.Conditional() }

// Exec reads the results of MULTI, commands, EXEC: the replies of EXEC, and the
// first error among them.
func ExecReplies(results []rueidis.RedisResult) ([]rueidis.RedisMessage, error) {
	last := len(results) - 1
	replies, err := results[last].ToArray()
	if err != nil {
		if refused := results[0].Error(); refused != nil && slices.ContainsFunc(results[1:last], queued) {
			return nil, fmt.Errorf("MULTI was refused, and commands behind it ran: %w", refused)
		}
		for _, r := range results[:last] {
			if queued := r.Error(); queued != nil {
				return nil, queued
			}
		}
		return nil, err
	}
	if len(replies) != last-1 {
		return nil, fmt.Errorf("%w: EXEC answered %d replies to %d commands", fault.ErrUnexpectedReply, len(replies), last-1)
	}
	for i := range replies {
		if !succeeded(replies[i]) {
			return replies, replies[i].Error()
		}
	}
	return replies, nil
}

func queued(r rueidis.RedisResult) bool { return r.Error() == nil || rueidis.IsRedisNil(r.Error()) }
