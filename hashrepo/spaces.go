package hashrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// DeleteFromAll removes the record with one id from every space of a tenant,
// and from the lists and the indexes of these spaces. The parts of pattern are
// the tenant, the name of the space, and the id. It returns the number of
// records that it removed. Only package symphony calls it, for DeleteAllByPK.
//
// With [Listed], the spaces are those of the tenant that have a list. Otherwise
// DeleteFromAll finds the records with SCAN.
func DeleteFromAll(
	ctx context.Context, _ internal.NotForPublicUse, p *pool.Pools, a pool.Alias,
	pattern keyspace.Pattern, tenant, id string, opts ...Option,
) (int64, error) {
	across, err := pattern.Bind(tenant, keyspace.Any, id)
	if err != nil {
		return 0, fmt.Errorf("symphony: %w", err)
	}
	base, err := store.New(p, a, across, hashSpec, opts...)
	if err != nil {
		return 0, err
	}
	s := &spaces{
		Store:  base.OnPrimary(), // a copy
		target: fault.Target{Op: "DeleteAll", Pool: base.Alias},
		listed: base.Listed, pattern: pattern, tenant: tenant, id: id,
	}
	s.Store.Listed, s.Store.IfExists = true, false
	if err := cmp.Or(s.RefuseAbsent(s.target), s.RefuseVersion(s.target)); err != nil {
		return 0, err
	}
	return s.deleteRecords(ctx)
}

// spaces are the spaces of a tenant that can have a record with one id, by
// their names. The space of the Store contains the keys of these records.
type spaces struct {
	*store.Store
	target  fault.Target
	listed  bool // every space has a list
	pattern keyspace.Pattern
	tenant  string
	id      string
	writes  atomic.Uint32
}

// deleteRecords removes the record of each space, page by page.
func (s *spaces) deleteRecords(ctx context.Context) (total int64, err error) {
	pages := s.scannedNames(ctx)
	if s.listed {
		pages = s.listedNames(ctx)
	}
	var steps fault.Steps
	for names, err := range pages {
		if err != nil {
			return total, steps.Error(s.target, err)
		}
		n, err := s.deleteFrom(ctx, names)
		if total += n; total > 0 {
			steps.Applied()
		}
		if err != nil {
			return total, steps.Error(s.target, err)
		}
	}
	return total, nil
}

// scannedNames iterates over the names of the spaces that have the record.
func (s *spaces) scannedNames(ctx context.Context) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for page, err := range s.ScanSpace(ctx, s.target.Op, nil) {
			if !yield(page.IDs, err) {
				return
			}
		}
	}
}

// listedNames iterates over the names of the spaces that have a list. It reads
// all of them first, because a space whose last record is removed leaves the
// registry. A space that gets its first record meanwhile may be left out.
func (s *spaces) listedNames(ctx context.Context) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		names, err := s.readRegistry(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for page := range slices.Chunk(names, 1000) {
			if !yield(page, nil) {
				return
			}
		}
	}
}

// readRegistry returns the names of the spaces that have a list.
func (s *spaces) readRegistry(ctx context.Context) (names []string, err error) {
	t, err := s.BeginAll(ctx, s.target.Op)
	if err != nil {
		return nil, err
	}
	key, err := s.registry()
	if err != nil {
		return nil, t.NotApplied(err)
	}
	seen := map[string]bool{}
	for cursor, last := uint64(0), false; !last; last = cursor == 0 {
		var references []string
		references, cursor, err = store.ReadZScan(s.Client.Do(t.In(ctx), s.Client.B().Zscan().Key(key).Cursor(cursor).Count(1000).Build()))
		if err != nil {
			return nil, t.WithKey(key).Failed(err)
		}
		for _, reference := range references {
			if name, ok := s.nameOf(reference); ok && !seen[name] {
				names, seen[name] = append(names, name), true
			}
		}
	}
	return names, nil
}

// registry returns the key of the spaces of the tenant that have a list.
func (s *spaces) registry() (string, error) {
	// Two names show whether the name of a space chooses its group.
	one, err := s.core("a")
	other, errOther := s.core("b")
	if err := cmp.Or(err, errOther); err != nil {
		return "", err
	}
	if one.listing.spaces != other.listing.spaces {
		return "", fmt.Errorf("%w: Listed does not apply here: the pattern %v puts the spaces of a tenant into several slots; leave the option out",
			fault.ErrUnsupported, s.pattern)
	}
	return one.listing.spaces, nil
}

// nameOf returns the name of the space with a reference of index.lua, if it is
// a space of the tenant and the pattern.
func (s *spaces) nameOf(reference string) (string, bool) {
	prefix, rest, ok := cutWithLength(reference)
	suffix, _, okSuffix := cutWithLength(rest)
	prefix, okPool := strings.CutPrefix(prefix, s.Prefix())
	if !ok || !okSuffix || !okPool {
		return "", false
	}
	parts, ok := s.pattern.Parse(prefix + "1" + suffix)
	if !ok || len(parts) != 3 || parts[0] != s.tenant || parts[2] != "1" {
		return "", false
	}
	return parts[1], true
}

// namedCore is the repository of a space and the name of the space.
type namedCore struct {
	*core
	name string
}

// core returns the repository of the space with a name. If the space cannot
// have a list, it returns ErrUnsupported.
func (s *spaces) core(name string) (*namedCore, error) {
	space, err := s.pattern.Bind(s.tenant, name)
	if err != nil {
		return nil, err
	}
	c, err := newCore(s.WithSpace(space), reflect.TypeFor[map[string]any](), &core{writes: &s.writes})
	return &namedCore{c, name}, err
}

// deleteFrom removes the records of the named spaces, those of listed spaces by
// a script. Keys of other types stay.
func (s *spaces) deleteFrom(ctx context.Context, names []string) (int64, error) {
	var listed []*namedCore
	var plain []string
	for _, name := range names {
		c, err := s.core(name)
		if errors.Is(err, fault.ErrUnsupported) && !s.listed {
			plain = append(plain, name)
			continue
		}
		if err != nil {
			return 0, s.target.NotApplied(err)
		}
		listed = append(listed, c)
	}
	if !s.listed {
		var err error
		if listed, plain, err = s.splitListed(ctx, listed, plain); err != nil {
			return 0, err
		}
	}
	n, err := s.deleteListed(ctx, listed)
	unlinked, errPlain := s.Delete(ctx, plain...)
	return n + unlinked, fault.Join(err, fault.WithOp(s.target.Op, errPlain))
}

// splitListed returns the spaces that have a list, and plain with the names of
// the others. A list that the Redis user may not read counts as none: if
// another user keeps it, a later look at the id removes it from there.
func (s *spaces) splitListed(ctx context.Context, cores []*namedCore, plain []string) (listed []*namedCore, _ []string, _ error) {
	cmds := make(rueidis.Commands, len(cores))
	for i, c := range cores {
		cmds[i] = s.Client.B().Exists().Key(c.listing.ids).Build()
	}
	for i, reply := range s.Client.DoMulti(s.target.In(ctx), cmds...) {
		c := cores[i]
		exists, err := store.ReadFlag(s.target.WithKey(c.listing.ids), reply)
		if err != nil && !errors.Is(err, fault.ErrNoPermission) {
			return nil, nil, err
		}
		if exists {
			listed = append(listed, c)
		} else {
			plain = append(plain, c.name)
		}
	}
	return listed, plain, nil
}

// deleteListed removes the records of spaces with a list, by one script for
// each in one pipeline.
func (s *spaces) deleteListed(ctx context.Context, listed []*namedCore) (total int64, err error) {
	if len(listed) == 0 {
		return 0, nil
	}
	calls := make([]store.Call, len(listed))
	for i, c := range listed {
		t, err := c.BeginWrite(ctx, s.target.Op, s.id)
		if err != nil {
			return 0, err
		}
		_, keys := c.script(deleteScript)
		calls[i] = store.Call{Target: t, Args: c.appendIndexArgs(c.args(0), c.bodiesWithout(nil)), Keys: keys}
	}
	replies, errs := s.RunMany(ctx, deleteScript.listed, calls)
	for i, reply := range replies {
		if errors.Is(errs[i], fault.ErrWrongType) {
			errs[i] = nil
		} else if n, err := reply.ToInt64(); errs[i] == nil && err == nil {
			total += n
		}
	}
	var steps fault.Steps
	return total, steps.Join(s.target, errs...)
}
