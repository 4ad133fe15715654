package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
)

// core is a HashRepo without its type parameter: records are reflect.Values of
// the plan's type.
type core struct {
	*store.Store
	plan *plan
	near *store.Cached   // nil: every read goes to the server
	flat *nearcache.View // near's, where a record is copied by assigning it
}

// newCore compiles records of type t for the codec and the options of base.
func newCore(base *store.Store, t reflect.Type) (*core, error) {
	p, err := planFor(t, base.Codec, base.MaxDecodedBytes())
	if base.Version != nil && (err != nil || p.version == nil) {
		err = errors.Join(fmt.Errorf("%w: IfVersion does not apply here: %s", fault.ErrUnsupported, option.NoVersion), err)
	}
	c := &core{Store: base, plan: p}
	if err == nil && base.Cached > 0 {
		c.near = c.cached()
		c.flat = c.near.Flat()
	}
	return c, err
}

func (c *core) with(opts []option.Option) *core {
	base := c.Store.With(opts...)
	view, err := newCore(base, c.plan.typ)
	if err != nil {
		return &core{Store: base.Failing(err), plan: c.plan}
	}
	return view
}

//go:embed lua/record.lua
var recordSource string

// newScript makes a script of body, which follows rule.lua and record.lua.
// It gives replies of one shape, or the statuses of record.lua.
func newScript(body string, reply store.Reply) *store.Script {
	return store.NewScript(recordSource+body, store.Either(reply, refusal))
}

// newTypedScript is newScript with store.NewTypedScript.
func newTypedScript(body string, reply store.Reply) *store.Script {
	return store.NewTypedScript(recordSource+body, store.Either(reply, refusal))
}

var refusal = store.Status("CONFLICT", "BADVERSION", "LASTVERSION")

// run executes a script of newScript.
func (c *core) run(ctx context.Context, t fault.Target, script *store.Script, args []string) (rueidis.RedisMessage, error) {
	m, err := c.Run(ctx, t, script, args)
	if err == nil {
		err = c.versionProblem(t, m)
	}
	return m, err
}

// runMany executes a script of newScript once for each call.
func (c *core) runMany(ctx context.Context, script *store.Script, calls []store.Call) ([]rueidis.RedisMessage, error) {
	replies, errs := c.RunMany(ctx, script, calls)
	for i := range replies {
		if errs[i] == nil {
			errs[i] = c.versionProblem(calls[i].Target, replies[i])
		}
	}
	var steps fault.Steps
	return replies, steps.Join(calls[0].Target, errs...)
}

// args puts the arguments of record.lua before those of a script. The version
// is what the options say.
func (c *core) args(more ...string) []string {
	if c.Version == nil {
		return c.argsFor("", more)
	}
	return c.argsFor(strconv.FormatInt(*c.Version, 10), more)
}

func (c *core) argsFor(version string, more []string) []string {
	name, lifetimes := "", ""
	if c.plan.version != nil {
		name = c.plan.version.Name
	} else {
		version = ""
	}
	if c.FieldLifetimes() {
		lifetimes = "1"
	}
	return append(append(make([]string, 0, 3+len(more)), name, version, lifetimes), more...)
}

var errVersion = fmt.Errorf("%w, or is gone: its version is not the one asked for; read it again", fault.ErrConflict)

// versionProblem is the error of a status of record.lua.
func (c *core) versionProblem(t fault.Target, m rueidis.RedisMessage) error {
	if c.plan.version == nil || !m.IsString() {
		return nil
	}
	name := c.plan.version.Name
	switch status, _ := m.ToString(); status {
	case "CONFLICT":
		return t.NotApplied(errVersion)
	case "BADVERSION":
		return t.WithField(name).NotApplied(misfit(name, c.plan.version.Field.Type, errNoNumber))
	case "LASTVERSION":
		return t.WithField(name).NotApplied(overflow(c.plan.version.Field.Type))
	}
	return nil
}

// upsert writes a record's fields.
func (c *core) upsert(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Upsert", id)
	if err != nil {
		return err
	}
	r, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer r.release()
	return c.write(ctx, t, r, c.plan.bare)
}

// encode is the plan's, with the errors and the limit of the pools.
func (c *core) encode(t fault.Target, v reflect.Value) (*record, error) {
	r, err := c.plan.encode(v)
	if err != nil {
		return nil, refuse(t, err)
	}
	limit := c.MaxValueBytes()
	for i := 1; i < len(r.pairs); i += 2 {
		if len(r.pairs[i]) > limit {
			err := c.CheckSize(t.WithField(r.pairs[i-1]), r.pairs[i])
			r.release()
			return nil, err
		}
	}
	return r, nil
}

// write sets and removes fields of a record: a transaction where it can be one.
// bare says that the record may have no field yet but the reserved one.
func (c *core) write(ctx context.Context, t fault.Target, r *record, bare bool) error {
	if !c.Plain() || c.plan.version != nil || len(r.pairs) == 0 {
		return c.runWrite(ctx, t, r, false)
	}
	if bare {
		r.absent = append(r.absent, reserved)
	}
	return c.writePlain(ctx, t, r)
}

// writePlain sends HSET, HDEL and the lifetime, in this order: a record is at
// no moment without a field, and so never loses its lifetime.
func (c *core) writePlain(ctx context.Context, t fault.Target, r *record) error {
	hset := c.Client.B().Hset().Key(t.Key).FieldValue()
	for i := 0; i < len(r.pairs); i += 2 {
		hset = hset.FieldValue(r.pairs[i], r.pairs[i+1])
	}
	tx := append(c.Tx(2), hset.Build())
	if len(r.absent) > 0 {
		tx = append(tx, c.Client.B().Hdel().Key(t.Key).Field(r.absent...).Build())
	}
	_, err := c.Write(ctx, t, tx)
	return err
}

// runWrite is writePlain as a script: conditions, versions, kept lifetimes,
// replacement, and records left without a field.
func (c *core) runWrite(ctx context.Context, t fault.Target, r *record, replace bool) error {
	args, err := c.writeArgs(t, r, replace)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, t, writeScript, args)
	return err
}

// writeArgs are the arguments of record.lua and write.lua. The stored version
// must be that of the value.
func (c *core) writeArgs(t fault.Target, r *record, replace bool) ([]string, error) {
	if c.Version != nil && r.version != *c.Version {
		return nil, t.NotApplied(fmt.Errorf("%w: the value has version %d, and IfVersion asks for %d", fault.ErrConflict, r.version, *c.Version))
	}
	args := make([]string, 0, 2+len(r.pairs)+len(r.absent))
	flag := ""
	if replace {
		flag = "1"
	}
	args = append(args, flag, strconv.Itoa(len(r.pairs)/2))
	args = append(args, r.pairs...)
	args = append(args, r.absent...)
	return c.argsFor(strconv.FormatInt(r.version, 10), args), nil
}

// replace writes a record and removes every field that it does not have.
func (c *core) replace(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Replace", id)
	if err != nil {
		return err
	}
	r, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer r.release()
	return c.runWrite(ctx, t, r, true)
}

// upsertMany writes records in one pipeline, each atomically.
func (c *core) upsertMany(ctx context.Context, n int, at func(i int) (string, reflect.Value)) error {
	calls := make([]store.Call, n)
	for i := range calls {
		id, v := at(i)
		t, err := c.BeginWrite(ctx, "UpsertMany", id)
		if err != nil {
			return err
		}
		r, err := c.encode(t, v)
		if err != nil {
			return err
		}
		args, err := c.writeArgs(t, r, false)
		r.release()
		if err != nil {
			return err
		}
		calls[i] = store.Call{Target: t, Args: args}
	}
	if n == 0 {
		return nil
	}
	_, err := c.runMany(ctx, writeScript, calls)
	return err
}

// delete removes records: with IfVersion a script for each.
func (c *core) delete(ctx context.Context, ids []string) (total int64, err error) {
	if c.Version == nil || len(ids) == 0 {
		return c.Delete(ctx, ids...)
	}
	calls := make([]store.Call, len(ids))
	for i, id := range ids {
		t, err := c.BeginWrite(ctx, "Delete", id)
		if err == nil {
			err = c.RefuseAbsent(t)
		}
		if err != nil {
			return 0, err
		}
		calls[i] = store.Call{Target: t, Args: c.args()}
	}
	replies, err := c.runMany(ctx, unlinkScript, calls)
	for _, reply := range replies {
		if n, err := reply.ToInt64(); err == nil {
			total += n
		}
	}
	return total, err
}

// refuse names the field of an error that came from the plan, also in the
// codec's own errors.
func refuse(t fault.Target, err error) error {
	if err == nil {
		return nil
	}
	var fe *fieldError
	if errors.As(err, &fe) {
		t.Field, err = fe.name, fe.err
	}
	switch e := err.(type) {
	case *codec.DecodeError:
		err = e.In(t.Field)
	case *codec.EncodeError:
		err = e.In(t.Field)
	}
	return t.NotApplied(err)
}
