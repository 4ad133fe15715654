package kvrepo

import (
	"context"
	"iter"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// Reseal seals all values of the space with the current key of the
// [codec.KeyRing]. It is for the rotation of keys: after it, an old key can be
// removed. With [codec.SealedOrPlain] it also seals the values that are not
// sealed, which are all strings of the space, whoever wrote them.
//
// Reseal runs when the loop over its result does. It yields the progress so far
// after each page. It may run while others write: a script writes a value only
// if it still has the bytes that were read, and Reseal reads it again
// otherwise. It may be stopped at any time, by leaving the loop or by ctx. The
// next call then begins from the start, and finds less to do. It does not
// change lifetimes.
//
// It sends SCAN, reads each page of about a thousand keys with a pipeline of
// GET, and runs a script for each value that it changes. It reads from the
// primary. Each script is atomic, and the whole is not.
//
// If a value does not open, or is not sealed, the error names its key, and
// Reseal goes on with the others. After any other error Reseal ends. If the
// codec is not sealed, or with [IfAbsent], the error is [ErrUnsupported]. If
// the KeyRing has no current key, it is a [*codec.KeyError], and nothing is
// sent. [IfExists] has no effect.
func (r *KVRepo[T]) Reseal(ctx context.Context) iter.Seq2[codec.Resealed, error] {
	return func(yield func(codec.Resealed, error) bool) {
		t, err := r.core.BeginReseal(ctx)
		if err != nil {
			yield(codec.Resealed{}, err)
			return
		}
		core := r.core.OnPrimary()
		core.IfExists, core.Keep = false, true
		read := func(key string) rueidis.Completed { return core.Client.B().Get().Key(key).Build() }
		store.Reseal(core.ScanSpaceUntyped(ctx, t.Op, read), t, yield, func(t fault.Target, reply rueidis.RedisResult) (bool, error) {
			return reseal(ctx, core, t, reply)
		})
	}
}

// reseal seals a value anew, and reports whether it wrote. The reply is that of
// GET. If another writer changed the value since, it is read again.
func reseal(ctx context.Context, core *store.ValueStore, t fault.Target, reply rueidis.RedisResult) (bool, error) {
	for retries := core.Retries(); ; {
		before, err := reply.ToString()
		if rueidis.IsRedisNil(err) {
			return false, nil
		}
		if err != nil {
			return false, t.NotApplied(fault.Translate(err))
		}
		after, changed, err := core.Place(t).Reseal(before, "")
		if err != nil {
			return false, t.NotApplied(&codec.DecodeError{Type: core.Type(), Err: err})
		}
		if !changed {
			return false, nil
		}
		if err := core.CheckSize(t, after); err != nil {
			return false, err
		}
		m, err := core.Run(ctx, t, mutateScript, []string{"1", before, after})
		if err != nil {
			return false, err
		}
		if written, err := m.ToInt64(); err != nil || written == 1 {
			return err == nil, err
		}
		if err := retries.Wait(ctx); err != nil {
			return false, t.NotApplied(err)
		}
		t.Operation.Retry()
		reply = core.Client.Do(t.In(ctx), core.Client.B().Get().Key(t.Key).Build())
	}
}
