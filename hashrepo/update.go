package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/sorttext"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/update.lua
var updateSource string

var updateScript = newTypeCheckingScript(sorttext.Lua, updateSource, store.Either(store.Flag, store.TextsOrNils, store.Text))

// Update applies patches to a record and leaves its other fields as they are.
// It is atomic: if one patch is impossible, none is applied. Patches of one
// field apply in order. Without patches, Update sends nothing.
//
// If the record does not exist, Update creates it with the fields of the
// patches alone, also for an id that is misspelt. With [IfExists] it returns
// [ErrNotFound] and creates nothing; see also [IfAbsent] and [IfVersion]. The
// lifetime is renewed, except with [KeepTTL]. If T has a version, it is
// incremented.
//
// Update runs one script. If the patches only set fields, the script is short.
// If they also clear fields, or set large ones, it sends HSET, HDEL and the
// command for the lifetime in one MULTI and EXEC instead. Both are faster. They
// need at least one field to set, at most 32 patches of different fields, no
// version in T, and none of the options above. A patch of a field with old
// names counts once for each name.
//
// Under the same conditions, an Add to an integer, alone or with patches that
// set other fields, runs a short script with HINCRBY. If the sum may be out of
// range, or the field does not hold an integer, the short script changes
// nothing, and Update runs the long one.
//
// A script cannot add or append to every encoding. Update reads the field with
// HMGET first for an Add to a float32, an Add to a float64 with a codec other
// than [codec.Compact], and an Add or Append with a codec other than
// codec.Compact and [codec.JSON], or on a type that encodes itself. The script
// then writes the result if the field did not change in between. Otherwise
// Update tries again until ctx ends. If ctx has no deadline, it tries for
// [pool.Config.Timeout].
//
// Append leaves the bytes of the stored elements as they are. If the codec is
// not of package codec, or if the type of the list encodes itself, Append
// decodes and encodes the whole list.
//
// If Update returns an error, it has changed nothing, unless
// [pool.OpError.MaybeApplied] reports true. The error wraps:
//
//   - [ErrUnknownField] if T has no field of a patch;
//   - [ErrFieldType] if a value does not fit its field;
//   - ErrFieldType and a [*codec.DecodeError] if the stored text is not the
//     number or the list that a patch needs;
//   - [ErrOverflow] if a number or a sum is out of the range of its field;
//   - [ErrOutOfRange] if a sum is out of the bounds of its [Addition];
//   - a [*codec.EncodeError] if the codec cannot encode a value;
//   - [ErrTooLarge] if a field is or would become larger than
//     [pool.Config.MaxValueBytes];
//   - [ErrUnsupported] for a patch of the version field, and for
//     [Field.SetFor] if the server does not support HPEXPIRE;
//   - [ErrInvalidTTL] for a SetFor with less than a millisecond;
//   - [ErrInvalidArgument] for a nil [Patch], and for bounds of an Addition
//     that no sum can keep;
//   - [ErrNotFound], [ErrExists] or [ErrConflict] if a condition does not hold;
//   - ErrConflict and the error of ctx or [context.DeadlineExceeded] if other
//     writers changed the field before every attempt;
//   - [ErrWrongType] if the key holds another Redis type, which keeps its value
//     and its lifetime.
func (r *HashRepo[T]) Update(ctx context.Context, id string, patches ...Patch[T]) error {
	_, _, err := r.core.update(ctx, "Update", id, patchesOf(patches), readBack{})
	return err
}

// Merge applies patches as [HashRepo.Update] does, and returns the record after
// the changes. One script applies the patches and reads the record. If Update
// would run a short script, or send HSET without HDEL, Merge sends a short
// script and HMGET or HGETALL in one MULTI and EXEC. Both are atomic. Without
// patches, Merge reads the record as [HashRepo.Get] does without [Cached].
//
// Merge returns the errors of Update. If another field does not fit T, it
// returns a [*codec.DecodeError] although the patches are applied.
func (r *HashRepo[T]) Merge(ctx context.Context, id string, patches ...Patch[T]) (T, error) {
	var v, zero T
	if err := r.core.merge(ctx, id, patchesOf(patches), reflect.ValueOf(&v).Elem()); err != nil {
		return zero, err
	}
	return v, nil
}

func (c *core) merge(ctx context.Context, id string, patches []patch, into reflect.Value) error {
	record := readBack{all: true}
	if !c.plan.readsAllFields() {
		record = readBack{names: c.plan.readNames}
	}
	t, reply, err := c.update(ctx, "Merge", id, patches, record)
	if err != nil {
		return err
	}
	if reply == nil {
		return c.get(ctx, "Merge", id, into)
	}
	if _, err := c.plan.decode(reply, c.Place(t), into); err != nil {
		return markApplied(notApplied(t, err))
	}
	return nil
}

// increment applies an Add patch and stores the sum in sum, a pointer.
func (c *core) increment(ctx context.Context, op, id string, p patch, sum any) error {
	t, reply, err := c.update(ctx, op, id, []patch{p}, readBack{names: []string{p.name}, sum: true})
	if err != nil {
		return err
	}
	t = t.WithField(p.name)
	text, err := sumText(reply)
	if err != nil {
		return t.Applied(fault.Translate(err))
	}
	f, err := c.patchedField(&p)
	if err != nil {
		return notApplied(t, err)
	}
	if text, err = f.open(text, c.Place(t)); err != nil {
		return markApplied(notApplied(t, err))
	}
	v := reflect.New(f.Field.Type).Elem()
	if err := f.Decode(text, v); err != nil {
		return markApplied(notApplied(t, err))
	}
	out := reflect.ValueOf(sum).Elem()
	out.Set(v.Convert(out.Type()))
	return nil
}

// sumText returns the text of a sum, which update.lua returns as a list of one
// field, and a short script as a number or a text.
func sumText(reply *rueidis.RedisMessage) (string, error) {
	switch {
	case reply.IsInt64():
		n, err := reply.ToInt64()
		return strconv.FormatInt(n, 10), err
	case reply.IsString():
		return reply.ToString()
	}
	texts, err := reply.AsStrSlice()
	if err != nil {
		return "", err
	}
	if len(texts) != 1 {
		return "", errValueCount
	}
	return texts[0], nil
}

// update applies patches and returns the fields to read back. If the patches
// change nothing, it sends nothing and returns a nil reply.
func (c *core) update(ctx context.Context, op, id string, patches []patch, returned readBack) (fault.Target, *rueidis.RedisMessage, error) {
	t, err := c.BeginWrite(ctx, op, id)
	if err != nil {
		return t, nil, err
	}
	ch, err := c.compile(t, patches)
	if err != nil || len(ch.operations) == 0 && len(ch.rewrites) == 0 {
		return t, nil, err
	}
	if returned.isNone() && c.plan.version == nil && len(ch.rewrites) == 0 {
		if e, ok := plainChanges(ch.operations); ok {
			if e.bodies, err = c.bodiesAfter(ch.operations); err != nil {
				return t, nil, notApplied(t, err)
			}
			return t, nil, c.write(ctx, t, e, true)
		}
	}
	if len(ch.rewrites) == 0 {
		if u, ok := c.shortUpdate(ch.operations); ok {
			if reply, done, err := c.runShort(ctx, t, u, returned); err != nil || done {
				return t, &reply, err
			}
		}
	}
	reply, err := c.retry(ctx, t, returned, func() ([]operation, error) {
		if len(ch.rewrites) == 0 {
			return ch.operations, nil
		}
		rewritten, err := c.applyRewrites(ctx, t, ch.rewrites)
		return append(rewritten, ch.operations...), err
	})
	return t, &reply, err
}

// errChanged is the error of an attempt that another writer overtook.
var errChanged = fmt.Errorf("%w before every attempt", fault.ErrConflict)

// retry runs update.lua with the operations that next returns. While other
// writers overtake it, it calls next again, until the attempts end.
func (c *core) retry(ctx context.Context, t fault.Target, returned readBack, next func() ([]operation, error)) (rueidis.RedisMessage, error) {
	for retries := c.Retries(); ; {
		operations, err := next()
		if err != nil {
			return rueidis.RedisMessage{}, err
		}
		reply, err := c.runUpdate(ctx, t, returned, operations)
		if !errors.Is(err, errChanged) {
			return reply, err
		}
		if err := retries.Wait(ctx); err != nil {
			return reply, t.NotApplied(fmt.Errorf("%w: %w", errChanged, err))
		}
		t.Operation.Retry()
	}
}

// runUpdate runs update.lua or mutate.lua once.
func (c *core) runUpdate(ctx context.Context, t fault.Target, returned readBack, operations []operation) (rueidis.RedisMessage, error) {
	if u, ok := c.shortMutation(operations); ok {
		m, err := c.Run(ctx, t, u.script, u.args)
		if err == nil && m.IsString() {
			err = t.NotApplied(errChanged)
		}
		return m, err
	}
	args := append(c.args(2+len(returned.names)+4*len(operations)), strconv.Itoa(c.MaxValueBytes()))
	args = returned.appendArgs(args)
	for i := range operations {
		args = operations[i].appendArgs(args)
	}
	bodies, err := c.bodiesAfter(operations)
	if err != nil {
		return rueidis.RedisMessage{}, notApplied(t, err)
	}
	args = c.appendIndexArgs(args, bodies)
	m, err := c.run(ctx, t, updateScript, args)
	if err != nil {
		return m, err
	}
	if !m.IsString() {
		return m, store.Shape(returned.isReply).Check(t, m)
	}
	status, _ := m.ToString()
	return m, updateError(t, operations, status)
}

// updateError returns the error of a status of update.lua, which names the
// operation that failed by its number.
func updateError(t fault.Target, operations []operation, status string) error {
	status, number, _ := strings.Cut(status, " ")
	number, stored, _ := strings.Cut(number, " ")
	if status == "CHANGED" {
		return t.NotApplied(errChanged)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(operations) {
		return t.Applied(store.ErrShape)
	}
	failed := operations[n-1]
	t = t.WithField(failed.field)
	switch status {
	case "OVERFLOW":
		return t.NotApplied(failed.sumError(stored))
	case "NOTNUMBER":
		return t.NotApplied(storedFieldError(t.Field, failed.typ, errNotNumber))
	case "NOTLIST":
		return t.NotApplied(storedFieldError(t.Field, failed.typ, errNotList))
	}
	return t.NotApplied(store.ErrValueTooLarge)
}
