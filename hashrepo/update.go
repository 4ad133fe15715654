package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/patch.lua
var patchSource string

var patchScript = newTypedScript(patchSource, store.Either(store.Flag, store.Fields, store.Text))

// Update changes the fields that the patches name, and no others: one script,
// all of the patches or, where one of them is impossible, none. Where they only
// set and clear, and the repository has no condition, no version and no KeepTTL,
// it is MULTI, HSET, HDEL, the lifetime and EXEC instead, which is faster.
// Patches on one field apply in order. Without patches nothing is sent. A
// missing record is created; see IfExists, IfAbsent and IfVersion, which the
// script looks at.
//
// Atomic; the lifetime is renewed, see KeepTTL, and the version goes up by one.
// A key of another type is ErrWrongType, and keeps its lifetime. What a script cannot do (Add and
// Append with a codec that writes no decimal text and no JSON; Add to a
// float32, or to a float64 by another codec than Compact) is read first with
// HMGET, and the script writes it if it did not change meanwhile; otherwise
// all is tried again until ctx ends, or for Config.Timeout if ctx has no deadline.
//
// Append leaves the bytes of what is there with the codecs of this library; with
// one of your own it writes again what that codec read.
//
// Errors, which name the field: ErrFieldType where a patch does not fit the field, in T or in
// Redis (a *codec.DecodeError too); ErrOverflow; ErrTooLarge; ErrUnknownField;
// ErrUnsupported for the version field, and for SetFor where the server lacks
// it. ErrNotFound, ErrExists and ErrConflict from the conditions.
func (r *HashRepo[T]) Update(ctx context.Context, id string, patches ...Patch[T]) error {
	_, _, err := r.core.update(ctx, "Update", id, patchesOf(patches), nil)
	return err
}

// Merge is Update, and gives the record as it then stands: the script reads it
// too. Without patches it is Get. Errors: those of Update; a
// *codec.DecodeError where another field does not fit T, and the patches are
// applied then.
func (r *HashRepo[T]) Merge(ctx context.Context, id string, patches ...Patch[T]) (T, error) {
	var v, zero T
	if err := r.core.merge(ctx, id, patchesOf(patches), reflect.ValueOf(&v).Elem()); err != nil {
		return zero, err
	}
	return v, nil
}

func (c *core) merge(ctx context.Context, id string, patches []patch, into reflect.Value) error {
	t, reply, err := c.update(ctx, "Merge", id, patches, c.plan.readBack())
	if err != nil {
		return err
	}
	if reply == nil {
		return c.get(ctx, "Merge", id, into)
	}
	if _, err := c.decode(reply, into); err != nil {
		return applied(refuse(t, err))
	}
	return nil
}

// increment makes one patch and reads the field that it changed into sum, a
// pointer.
func (c *core) increment(ctx context.Context, op, id string, p patch, sum any) error {
	t, reply, err := c.update(ctx, op, id, []patch{p}, []string{"1", p.name})
	if err != nil {
		return err
	}
	t = t.WithField(p.name)
	texts, err := reply.AsStrSlice()
	if err == nil && len(texts) != 1 {
		err = fmt.Errorf("%w: %d values instead of one", fault.ErrUnexpectedReply, len(texts))
	}
	if err != nil {
		return t.Applied(fault.Translate(err))
	}
	f, err := c.target(&p)
	if err != nil {
		return refuse(t, err)
	}
	v := reflect.New(f.Field.Type).Elem()
	if err := f.Decode(texts[0], v); err != nil {
		return applied(refuse(t, err))
	}
	out := reflect.ValueOf(sum).Elem()
	out.Set(v.Convert(out.Type()))
	return nil
}

// applied marks the error of a write that happened.
func applied(err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		t := fault.Target{Op: op.Op, Pool: op.Pool, Key: op.Key, Field: op.Field, Write: true}
		return t.Applied(op.Err)
	}
	return err
}

// update sends patches, and reads back what the script is asked to. Without a
// change nothing is sent, and the reply is nil.
func (c *core) update(ctx context.Context, op, id string, patches []patch, readBack []string) (fault.Target, *rueidis.RedisMessage, error) {
	t, err := c.BeginWrite(ctx, op, id)
	if err != nil {
		return t, nil, err
	}
	ch, err := c.compile(t, patches)
	if err != nil || len(ch.args) == 0 && len(ch.swaps) == 0 {
		return t, nil, err
	}
	if r, ok := ch.record(); ok && readBack == nil && c.plan.version == nil {
		return t, nil, c.write(ctx, t, r, true)
	}
	reply, err := c.again(ctx, t, readBack, func() (*changes, error) {
		if len(ch.swaps) == 0 {
			return ch, nil
		}
		swapped, err := c.read(ctx, t, ch.swaps)
		if err != nil {
			return nil, err
		}
		return swapped.with(ch), nil
	})
	return t, &reply, err
}

// record is changes that only set and clear different fields, as a record to
// write: Redis has commands for those.
func (ch *changes) record() (*record, bool) {
	if len(ch.swaps) > 0 || len(ch.marks) > 32 {
		return nil, false
	}
	r := &record{pairs: make([]string, 0, 2*len(ch.marks))}
	args := ch.args
	for i, m := range ch.marks {
		if slices.ContainsFunc(ch.marks[:i], func(before mark) bool { return before.name == m.name }) {
			return nil, false
		}
		switch args[0] {
		case "set":
			r.pairs = append(r.pairs, m.name, args[2])
			args = args[3:]
		case "clear":
			r.absent = append(r.absent, m.name)
			args = args[2:]
		default:
			return nil, false
		}
	}
	return r, true
}

// with is ch and more changes behind it.
func (ch *changes) with(more *changes) *changes {
	ch.args = append(ch.args, more.args...)
	ch.marks = append(ch.marks, more.marks...)
	return ch
}

// errChanged says that somebody wrote between the read and the script.
var errChanged = fmt.Errorf("%w again and again", fault.ErrConflict)

// again sends the changes that next gives, and asks for them anew while others
// write between, until the deadline of [store.Attempts].
func (c *core) again(ctx context.Context, t fault.Target, readBack []string, next func() (*changes, error)) (rueidis.RedisMessage, error) {
	for attempts := c.Attempts(); ; {
		ch, err := next()
		if err != nil {
			return rueidis.RedisMessage{}, err
		}
		reply, err := c.patch(ctx, t, readBack, ch)
		if !errors.Is(err, errChanged) {
			return reply, err
		}
		if err := attempts.Pause(ctx); err != nil {
			return reply, t.NotApplied(fmt.Errorf("%w: %w", errChanged, err))
		}
	}
}

// readBack asks patch.lua for what readCommand asks for.
func (p *plan) readBack() []string {
	if p.whole() {
		return []string{"-1"}
	}
	return append([]string{strconv.Itoa(len(p.names))}, p.names...)
}

// patch runs patch.lua once.
func (c *core) patch(ctx context.Context, t fault.Target, readBack []string, ch *changes) (rueidis.RedisMessage, error) {
	if readBack == nil {
		readBack = []string{"0"}
	}
	args := append(make([]string, 0, 1+len(readBack)+len(ch.args)), strconv.Itoa(c.MaxValueBytes()))
	args = append(append(args, readBack...), ch.args...)
	m, err := c.run(ctx, t, patchScript, c.args(args...))
	if err != nil || !m.IsString() {
		return m, err
	}
	status, _ := m.ToString()
	return m, ch.problem(t, status)
}

// problem is the error of a status of patch.lua.
func (ch *changes) problem(t fault.Target, status string) error {
	status, number, _ := strings.Cut(status, " ")
	if status == "CHANGED" {
		return t.NotApplied(errChanged)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(ch.marks) {
		return t.Applied(store.ErrShape)
	}
	t, typ := t.WithField(ch.marks[n-1].name), ch.marks[n-1].typ
	switch status {
	case "OVERFLOW":
		return t.NotApplied(overflow(typ))
	case "NOTNUMBER":
		return t.NotApplied(misfit(t.Field, typ, errNoNumber))
	case "NOTLIST":
		return t.NotApplied(misfit(t.Field, typ, errNoList))
	}
	return t.NotApplied(store.ErrGrown)
}

var (
	errNoNumber = errors.New("it is no number of that type")
	errNoList   = errors.New("it is no list")
)
