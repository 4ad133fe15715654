package listrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The errors of this package, for errors.Is. They are the same values as in
// package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // the queue, or the item of a claim, does not exist
	ErrExists          = pool.ErrExists          // the queue exists, and the option is IfAbsent
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime, a lease or the time of Quiet is too short
	ErrInvalidSchema   = pool.ErrInvalidSchema   // T cannot be stored
	ErrTooLarge        = codec.ErrTooLarge       // a value over Config.MaxValueBytes
	ErrFull            = pool.ErrFull            // the items do not fit under MaxLen
	ErrBusy            = pool.ErrBusy            // another claim of a queue with the option Serial is in flight
	ErrLeaseLost       = pool.ErrLeaseLost       // another claim took the items, or they were removed
	ErrUnsupported     = pool.ErrUnsupported     // the server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // a reply that no Redis server sends
	ErrInvalidArgument = pool.ErrInvalidArgument // an argument that no call accepts
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the id cannot be part of a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has the alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation; see [pool.OpError].
type OpError = pool.OpError

// ForeignEntriesError is returned with a valid claim if there were entries
// beside the queue that the library did not write. Each of them is a dead
// letter now, with its text in [DeadLetter.Raw]. [ListRepo.Discard] removes it.
type ForeignEntriesError struct {
	Key   string // the queue's key
	Count int    // how many entries this call made dead letters
}

// Error names the queue and says how to read and remove the entries.
func (e *ForeignEntriesError) Error() string {
	return fmt.Sprintf("%d entries beside the queue %q were not written by this library; they are dead letters now: read them with Dead, remove them with Discard",
		e.Count, e.Key)
}

// unknownItemError is the error for an item that a claim cannot settle.
type unknownItemError struct{ id string }

// Error names the item.
func (e *unknownItemError) Error() string {
	return fmt.Sprintf("item %q does not belong to this claim, or was acked, released or returned before", e.id)
}

// Is reports whether target is ErrNotFound.
func (e *unknownItemError) Is(target error) bool { return target == ErrNotFound }

// wrongTypeError returns the error for a key beside a queue that holds another
// type.
func wrongTypeError(key string) error {
	return fmt.Errorf("%w: the library keeps %q beside the queue, but something else wrote it; "+
		"RENAME it, or DEL it if it is not needed", ErrWrongType, key)
}

// nameWrongType adds the name of the key to err if the reason is ErrWrongType.
// Only then it sends a TYPE for each key, in one round trip.
func (q *queue) nameWrongType(ctx context.Context, t fault.Target, err error) error {
	var op *fault.OpError
	if !errors.Is(err, ErrWrongType) || !errors.As(err, &op) {
		return err
	}
	keys, kinds := []string{t.Key}, []store.Kind{store.List}
	for kind, held := range map[string]store.Kind{
		queuekey.Due: store.SortedSet, queuekey.Again: store.SortedSet, queuekey.Age: store.SortedSet, queuekey.Back: store.Hash, queuekey.Dead: store.Hash, queuekey.Died: store.SortedSet,
		queuekey.Order: store.Hash, queuekey.Delayed: store.SortedSet,
	} {
		keys, kinds = append(keys, beside(t, kind)), append(kinds, held)
	}
	if !q.marks.none() {
		keys, kinds = append(keys, q.tenants, pending.QueuesKey(q.set, q.marks.Member), q.set), append(kinds, store.SortedSet, store.SortedSet, store.Set)
	}
	cmds := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		cmds[i] = q.Client.B().Type().Key(key).Build()
	}
	for i, r := range q.Client.DoMulti(t.In(context.WithoutCancel(ctx)), cmds...) {
		held, errType := r.ToString()
		if errType != nil || held == "none" || held == string(kinds[i]) {
			continue
		}
		if i > 0 {
			op.Err = wrongTypeError(keys[i])
		}
		break
	}
	return err
}

// reason returns the reason of err, without its operation and key.
func reason(err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// partly returns the error of an operation of which a part was applied before
// err.
func partly(t fault.Target, err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		t.Key = op.Key
	}
	return t.Applied(fmt.Errorf("a part was applied: %w", reason(err)))
}

// readPair reads the reply of a script that returns two values.
func readPair(t fault.Target, m rueidis.RedisMessage) ([]rueidis.RedisMessage, error) {
	parts, err := m.ToArray()
	if err == nil && len(parts) != 2 {
		err = fmt.Errorf("the reply of the script has %d elements, expected 2", len(parts))
	}
	if err != nil {
		return nil, t.Applied(err)
	}
	return parts, nil
}
