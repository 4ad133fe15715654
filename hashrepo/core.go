package hashrepo

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// core is a HashRepo without its type parameter. It handles records as
// reflect.Values of the plan's type.
type core struct {
	*store.Store
	plan *plan

	// listing is nil if the space has neither a list nor indexes.
	listing *listing

	// cache and its view are nil if reads are not cached.
	cache *store.CachedReader
	view  *nearcache.View
	// flatCache looks up cached records that an assignment copies. It is nil
	// if reads are not cached or a copy of T shares memory with the original.
	flatCache *nearcache.View

	writes *atomic.Uint32 // of the repository and of its views
}

// newCore compiles records of type t for the codec and the options of base. It
// takes from another core of the same space what does not depend on them.
func newCore(base *store.Store, t reflect.Type, from *core) (*core, error) {
	p, err := planFor(t, base.Encoding(), base.Seals(), base.MaxDecodedBytes())
	if base.Version != nil && (err != nil || p.version == nil) {
		err = errors.Join(fmt.Errorf("%w: IfVersion does not apply here: %s", fault.ErrUnsupported, option.NoVersion), err)
	}
	c := &core{Store: base, plan: p, writes: from.writes}
	switch {
	case err != nil || !base.Listed && len(p.indexes) == 0:
	case from.listing != nil && from.plan == p && from.Alias == base.Alias:
		c.listing = from.listing
	default:
		c.listing, err = newListing(base, p.indexes)
	}
	if err == nil && base.Cached > 0 {
		c.cache = c.newCache()
		c.view = c.cache.View()
		c.flatCache = c.cache.DirectView()
	}
	return c, err
}

// with returns a view with more options. The calls of a view with a bad option
// return its error.
func (c *core) with(opts []pool.Option) *core {
	base := c.Store.With(opts...)
	view, err := newCore(base, c.plan.typ, c)
	if err != nil {
		return &core{Store: base.WithError(err), plan: c.plan, writes: c.writes}
	}
	return view
}

// fieldError is an error of one field of a record.
type fieldError struct {
	name string
	err  error
}

func (e *fieldError) Error() string { return fmt.Sprintf("field %q: %v", e.name, e.err) }
func (e *fieldError) Unwrap() error { return e.err }

// notApplied returns the error of an operation that the plan or the codec
// refuses. The error names the field of a fieldError, as do the codec's own
// errors in it.
func notApplied(t fault.Target, err error) error {
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

// markApplied returns the error of a write that was applied, although err is
// about reading its result.
func markApplied(err error) error {
	var op *fault.OpError
	if errors.As(err, &op) {
		t := fault.Target{Op: op.Op, Pool: op.Pool, Key: op.Key, Field: op.Field, Write: true}
		return t.Applied(op.Err)
	}
	return err
}

// readOnly returns t for a command that changes nothing.
func readOnly(t fault.Target) fault.Target {
	t.Write = false
	return t
}

// storedFieldError returns the error of a stored field that cannot be changed.
func storedFieldError(name string, typ reflect.Type, reason error) error {
	return fmt.Errorf("%w: %w", fault.ErrFieldType, &codec.DecodeError{Field: name, Type: typ, Err: reason})
}

var (
	errNotNumber = errors.New("not a number of this type; overwrite it with Set")
	errNotList   = errors.New("not a list; overwrite it with Set")
)

// overflowError returns the error of a sum that does not fit type t.
func overflowError(t reflect.Type) error {
	return fmt.Errorf("%w: the sum does not fit %v; nothing was changed; use a wider type if it must fit", fault.ErrOverflow, t)
}

// checkFieldSize returns an error if a text of size bytes is too large for a
// field.
func (c *core) checkFieldSize(size int) error {
	if limit := c.MaxValueBytes(); size > limit {
		return fmt.Errorf("%w: %d bytes, but Config.MaxValueBytes is %d; raise that field, or split the value", fault.ErrTooLarge, size, limit)
	}
	return nil
}
