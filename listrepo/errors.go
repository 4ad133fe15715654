package listrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/codec"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The reasons for which a call fails, for errors.Is: the same values as in
// package symphony.
var (
	ErrNotFound        = pool.ErrNotFound        // no such record
	ErrExists          = pool.ErrExists          // IfAbsent, and the record is there
	ErrWrongType       = pool.ErrWrongType       // the key holds another Redis type
	ErrInvalidTTL      = pool.ErrInvalidTTL      // a lifetime under a millisecond
	ErrInvalidSchema   = pool.ErrInvalidSchema   // T cannot be stored
	ErrTooLarge        = codec.ErrTooLarge       // a value over Config.MaxValueBytes
	ErrFull            = pool.ErrFull            // a push over MaxLen
	ErrLeaseLost       = pool.ErrLeaseLost       // claimed items were taken over or removed
	ErrUnsupported     = pool.ErrUnsupported     // this server, codec, layout or schema cannot do it, or the option does not apply
	ErrNoPermission    = pool.ErrNoPermission    // the Redis user has no right to a command, key or channel
	ErrUnexpectedReply = pool.ErrUnexpectedReply // a reply that no Redis gives
	ErrInvalidArgument = pool.ErrInvalidArgument // no call can take this argument
	ErrInvalidKey      = keyspace.ErrInvalidKey  // the id cannot be in a key
	ErrUnknownPool     = pool.ErrUnknownPool     // no pool has that alias
	ErrClosed          = pool.ErrClosed          // the pools are closed
)

// OpError is the error of one operation; see [pool.OpError].
type OpError = pool.OpError

// ForeignEntriesError is the error beside a claim that found entries beside the queue
// which this library did not write. They are set aside: each is a dead letter now,
// with its text in Raw, and Discard removes it. The claim is good.
type ForeignEntriesError struct {
	Key   string // the queue's key
	Count int    // how many entries were set aside by this call
}

// Error names the queue and the way to see the entries.
func (e *ForeignEntriesError) Error() string {
	return fmt.Sprintf("%d entries beside the queue %q were not written by this library; they are dead letters now: read them with Dead, remove them with Discard",
		e.Count, e.Key)
}

// foreignItemError is the error for an item that a claim cannot settle.
type foreignItemError struct{ id string }

// Error says what is known of the item.
func (e *foreignItemError) Error() string {
	return fmt.Sprintf("item %q is not of this claim, or was acked, released or returned before", e.id)
}

// Is reports whether target is ErrNotFound.
func (e *foreignItemError) Is(target error) bool { return target == ErrNotFound }

// mistyped is the error for a key beside a queue that holds another type.
func mistyped(key string) error {
	return fmt.Errorf("%w: %q, which the library keeps beside the queue, was written by something else; "+
		"RENAME it away, or DEL it if it is not needed", ErrWrongType, key)
}

// explained is err with the name of the key that holds another type, if that is
// the reason: TYPE for each key, which only such an error costs.
func (q *queue) explained(ctx context.Context, t fault.Target, err error) error {
	var op *fault.OpError
	if !errors.Is(err, ErrWrongType) || !errors.As(err, &op) {
		return err
	}
	keys, kinds := []string{t.Key}, []store.Kind{store.List}
	for kind, held := range map[string]store.Kind{
		queuekey.Due: store.SortedSet, queuekey.Again: store.SortedSet, queuekey.Age: store.SortedSet, queuekey.Back: store.Hash, queuekey.Dead: store.Hash,
	} {
		keys, kinds = append(keys, beside(t, kind)), append(kinds, held)
	}
	if !q.marks.none() {
		keys, kinds = append(keys, q.indexAndSet()...), append(kinds, store.SortedSet, store.Set)
	}
	cmds := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		cmds[i] = q.Client.B().Type().Key(key).Build()
	}
	for i, r := range q.Client.DoMulti(context.WithoutCancel(ctx), cmds...) {
		held, errType := r.ToString()
		if errType != nil || held == "none" || held == string(kinds[i]) {
			continue
		}
		if i > 0 {
			op.Err = mistyped(keys[i])
		}
		break
	}
	return err
}

// reason is why an operation failed, without what was done to which key.
func reason(err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// partly is the error of an operation that was applied in part before err.
func partly(t fault.Target, err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		t.Key = op.Key
	}
	return t.Applied(fmt.Errorf("a part was applied: %w", reason(err)))
}

// pair reads the reply of a script that answers with two values.
func pair(t fault.Target, m rueidis.RedisMessage) ([]rueidis.RedisMessage, error) {
	parts, err := m.ToArray()
	if err == nil && len(parts) != 2 {
		err = errors.New("a script answered something else than a pair")
	}
	if err != nil {
		return nil, t.Applied(err)
	}
	return parts, nil
}
