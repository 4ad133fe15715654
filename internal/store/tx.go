package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// Tx is the list of commands of one transaction. The first one is MULTI.
type Tx rueidis.Commands

// Tx returns a new transaction, with capacity for n commands.
func (s *Store) Tx(n int) Tx { return append(make(Tx, 0, n+3), s.Client.B().Multi().Build()) }

// Commit adds the lifetime command and EXEC to a transaction, sends it in one
// round trip, and returns the replies to its commands, which must be counts. It
// is for writes that [Store.AllowsTx] permits. A key of another type keeps its
// lifetime.
//
// A transaction is not rolled back. If the server refuses some commands and
// runs others, Commit returns an error that may be applied.
func (s *Store) Commit(ctx context.Context, t fault.Target, tx Tx) ([]rueidis.RedisMessage, error) {
	replies, _, err := s.CommitRenewing(ctx, t, tx, Count)
	return replies, err
}

// CommitRenewing is like [Store.Commit], for commands whose replies have the
// given shape. It also reports whether the lifetime command changed the key. If
// the options set no lifetime, that means that the key had one.
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
		return nil, false, t.Applied(fmt.Errorf("the server applied a part of the transaction and refused another: %w", fault.Translate(err)))
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

// oneSlot returns an error if a key of the transaction is in another slot of a
// cluster than the target, because no transaction can change both.
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

// otherSlotError returns the error for a key that is in another slot than the
// record.
func otherSlotError(key string) error {
	return fmt.Errorf("%w: %q is in another slot of the cluster; give both keys the same hash tag, as keyspace.Cluster does", keyspace.ErrInvalidKey, key)
}

// ExecReplies returns the replies of EXEC from the results of MULTI, the
// commands and EXEC. If EXEC failed, it returns the first error of all results.
// If EXEC ran, but a command failed, it returns the replies and the error of
// the first such command.
func ExecReplies(results []rueidis.RedisResult) ([]rueidis.RedisMessage, error) {
	last := len(results) - 1
	replies, err := results[last].ToArray()
	if err != nil {
		if refused := results[0].Error(); refused != nil && slices.ContainsFunc(results[1:last], queued) {
			return nil, fmt.Errorf("the server refused MULTI, but ran commands after it: %w", refused)
		}
		for _, r := range results[:last] {
			if err := r.Error(); err != nil {
				return nil, err
			}
		}
		return nil, err
	}
	if len(replies) != last-1 {
		return nil, fmt.Errorf("%w: EXEC returned %d replies for %d commands", fault.ErrUnexpectedReply, len(replies), last-1)
	}
	for i := range replies {
		if !succeeded(replies[i]) {
			return replies, replies[i].Error()
		}
	}
	return replies, nil
}

// succeeded reports whether a command of a transaction ran.
func succeeded(reply rueidis.RedisMessage) bool {
	err := reply.Error()
	return err == nil || rueidis.IsRedisNil(err)
}

// queued reports whether the server accepted a command.
func queued(r rueidis.RedisResult) bool { return r.Error() == nil || rueidis.IsRedisNil(r.Error()) }
