package tenancy

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/symphony-go/symphony/internal/spacekey"
	"github.com/symphony-go/symphony/pool"
)

// Key is a key with what its name says.
type Key struct {
	Name   string
	Pool   pool.Alias
	Tenant string   // empty if tenants share the key
	Kind   string   // empty if no pattern of the layout makes the key
	Parts  []string // of the record, after the tenant; see [Walk.Keys]
	Beside string   // the kind of a key beside a record
	Record string   // the key of the record, or the name of the space
}

// Keys iterates over the pages of the keys of all databases. The parts of a key
// beside a space have an empty one for the id; those of a key of a schedule of
// triggers are the action alone. It ends after the first error.
func (w *Walk) Keys(ctx context.Context) iter.Seq2[[]Key, error] {
	return func(yield func([]Key, error) bool) {
		databases, err := w.databases()
		if err != nil {
			yield(nil, err)
			return
		}
		w.announce(ctx, databases)
		for _, v := range databases {
			err := v.scan(ctx, nil, func(_ context.Context, keys []found) error {
				page := make([]Key, len(keys))
				for i, k := range keys {
					page[i] = v.keyOf(k)
				}
				if !yield(page, nil) {
					return errStopped
				}
				return nil
			})
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// keyOf returns what the name of a key says.
func (v *visitor) keyOf(f found) Key {
	k := Key{Name: f.key, Pool: v.poolOf(f.key)}
	for a, t := range v.triggers {
		if kind, action, ok := t.ParseSchedule(f.key); ok {
			k.Pool, k.Kind, k.Beside, k.Parts = a, Trigger, kind, []string{action}
			return k
		}
	}
	if !f.known {
		return k
	}
	if f.alias != "" {
		k.Pool = f.alias
	}
	k.Tenant, k.Kind, k.Beside, k.Record = f.tenant, f.kind, f.beside, f.record
	switch {
	case f.kind == registry:
		k.Kind = Index
		return k
	case f.beside == Index:
		k.Beside, _, _ = parseBeside(f.key)
		if _, name, _ := cutLast(f.key); k.Beside == spacekey.Index {
			k.Beside += "-" + name
		}
		k.Parts = v.spaceParts(f.owner)
		return k
	case f.kind == pendingSet:
		k.Kind, k.Parts = Pending, []string{f.service}
		return k
	}
	parts, _ := v.patterns[f.kind].Parse(strings.TrimPrefix(f.record, v.prefixes[f.alias]))
	k.Parts = parts[1:]
	return k
}

// poolOf returns the pool to which an unknown key belongs by its prefix.
func (v *visitor) poolOf(key string) pool.Alias {
	for _, a := range v.aliases {
		if v.prefixes[a] != "" && strings.HasPrefix(key, v.prefixes[a]) {
			return a
		}
	}
	return v.aliases[0]
}

// spaceParts returns the parts of the records of a space after the tenant, with
// an empty one for the id.
func (v *visitor) spaceParts(o owner) []string {
	prefix, suffix := spacekey.CutName(o.record)
	prefix = strings.TrimPrefix(prefix, v.prefixes[o.alias])
	one, _ := v.patterns[o.kind].Parse(prefix + "1" + suffix)
	two, _ := v.patterns[o.kind].Parse(prefix + "2" + suffix)
	for i := range one {
		if i < len(two) && one[i] != two[i] {
			one[i] = ""
		}
	}
	return one[1:]
}
