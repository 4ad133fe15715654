package tenancy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/spacekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// scanCount is the COUNT of the scans of shared keys.
const scanCount = 1000

// visitPendingSets visits the pending sets of a page, and the keys beside them.
// For one tenant it only notes the services; see visitServices.
func (v *visitor) visitPendingSets(ctx context.Context, keys []found) error {
	for _, k := range keys {
		if !k.known || k.kind != pendingSet {
			continue
		}
		if v.Tenant != "" {
			v.services[k.alias][k.service] = true
			continue
		}
		if k.beside != "" {
			continue
		}
		s := v.pendingSet(k.alias, k.service)
		members, err := s.Members(ctx, v.Op)
		if err != nil && !errors.Is(err, fault.ErrWrongType) {
			return err
		}
		for _, tenant := range members.Tenants {
			v.Count(tenant, Pending, 1)
		}
	}
	return nil
}

// pendingSet returns the pending set of a service.
func (v *visitor) pendingSet(a pool.Alias, service string) *pending.Set {
	space, err := v.Layout.PendingSet.Bind()
	s := v.stores[a].WithSpace(space)
	if err != nil {
		s = s.WithError(err)
	}
	return pending.New(s, service, v.Layout.BatchList)
}

// visitServices visits the entries of the tenant in the pending sets that were
// found, and in the schedules beside them.
func (v *visitor) visitServices(ctx context.Context) error {
	for a, services := range v.services {
		for service := range services {
			s := v.pendingSet(a, service)
			known, err := s.Knows(ctx, v.Op, v.Tenant)
			if err != nil {
				return err
			}
			if !known {
				continue
			}
			v.Count(v.Tenant, Pending, 1)
			if !v.Remove {
				continue
			}
			if err := s.Forget(ctx, v.Op, v.Tenant); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteRegistry notes a registry of spaces.
func (v *visitor) noteRegistry(key string) {
	_, group, _ := keyspace.ParseBeside(key)
	for _, a := range v.aliases {
		if strings.HasPrefix(group, v.prefixes[a]) {
			v.registries[key] = a
			return
		}
	}
}

// visitRegistries visits the entries of the tenant in the registries of spaces
// that were found, and in those that do not contain its name.
func (v *visitor) visitRegistries(ctx context.Context) error {
	for _, a := range v.aliases {
		for _, kind := range hashKinds {
			v.noteRegistriesOf(a, v.patterns[kind])
		}
	}
	for key, a := range v.registries {
		if err := v.visitRegistry(ctx, a, key); err != nil {
			return err
		}
	}
	return nil
}

// noteRegistriesOf notes the registries of the spaces that a pattern makes.
func (v *visitor) noteRegistriesOf(a pool.Alias, p keyspace.Pattern) {
	parts := slices.Repeat([]string{"1"}, len(p.Params()))
	if len(parts) == 0 {
		return
	}
	parts[0], parts[len(parts)-1] = v.Tenant, keyspace.Any
	space, err := p.Bind(parts...)
	if err != nil {
		return
	}
	for _, forCluster := range []bool{false, true} {
		group := v.prefixes[a] + spacekey.Group(spacekey.Name(space.Parts()), forCluster)
		v.registries[keyspace.Beside(spacekey.Spaces, group)] = a
		v.registries[keyspace.Beside(spacekey.Indexed, group)] = a
	}
}

// visitRegistry counts and removes the entries of the tenant in a registry.
func (v *visitor) visitRegistry(ctx context.Context, a pool.Alias, key string) error {
	s, t := v.stores[a], fault.Target{Op: v.Op, Pool: a, Key: key, Write: true}
	kind, _, _ := keyspace.ParseBeside(key)
	var mine []string
	for members, err := range v.registryMembers(ctx, t, kind) {
		if errors.Is(err, fault.ErrWrongType) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, member := range members {
			if o, ok := v.spaceOf(spaceName(kind, member)); ok && o.tenant == v.Tenant {
				mine = append(mine, member)
			} else if o, ok := v.spaceOf(spaceName(kind, beforeLastNUL(member))); ok && o.tenant == v.Tenant {
				mine = append(mine, member)
			}
		}
	}
	slices.Sort(mine)
	if mine = slices.Compact(mine); len(mine) == 0 {
		return nil
	}
	v.Count(v.Tenant, Index, int64(len(mine)))
	for page := range slices.Chunk(mine, scanCount) {
		if !v.Remove {
			break
		}
		cmd := s.Client.B().Hdel().Key(key).Field(page...).Build()
		if kind == spacekey.Spaces {
			cmd = s.Client.B().Zrem().Key(key).Member(page...).Build()
		}
		if _, err := s.Do(ctx, t, cmd, store.Count); err != nil {
			return err
		}
	}
	return nil
}

// registryMembers iterates over the pages of the members of a registry.
func (v *visitor) registryMembers(ctx context.Context, t fault.Target, kind string) func(func([]string, error) bool) {
	c := v.stores[t.Pool].Client
	return pages(func(cursor uint64) ([]string, uint64, error) {
		if kind == spacekey.Spaces {
			members, next, err := store.ReadZScan(c.Do(ctx, c.B().Zscan().Key(t.Key).Cursor(cursor).Count(scanCount).Build()))
			return members, next, failed(t, err)
		}
		page, err := store.ReadScan(c.Do(ctx, c.B().Hscan().Key(t.Key).Cursor(cursor).Count(scanCount).Build()))
		return evenElements(page), page.Cursor, failed(t, err)
	})
}

func failed(t fault.Target, err error) error {
	if err == nil {
		return nil
	}
	return t.Failed(err)
}

// evenElements returns the fields of a page of HSCAN.
func evenElements(page rueidis.ScanEntry) (fields []string) {
	for i := 0; i < len(page.Elements); i += 2 {
		fields = append(fields, page.Elements[i])
	}
	return fields
}

// spaceName returns the name of the space that a member of a registry names.
func spaceName(kind, member string) string {
	if kind == spacekey.Indexed {
		_, name, _ := keyspace.ParseBeside("%" + spacekey.IDs + member)
		return name
	}
	prefix, rest, ok := cutWithLength(member)
	suffix, _, okSuffix := cutWithLength(rest)
	if !ok || !okSuffix {
		return ""
	}
	return spacekey.Name(prefix, suffix)
}

// beforeLastNUL returns the tail of a space from a field that also names an
// index.
func beforeLastNUL(field string) string {
	return field[:cmp.Or(max(strings.LastIndexByte(field, 0), 0), len(field))]
}

// cutWithLength returns the text that begins with its length, and what follows
// it. It reports false if there is none.
func cutWithLength(s string) (text, rest string, ok bool) {
	length, rest, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(rest) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}
