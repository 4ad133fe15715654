package symphony

import (
	"context"
	"iter"
	"slices"

	"github.com/symphony-go/symphony/pool"
)

// Key is a key in Redis, with what its name says about it.
type Key struct {
	Name string     // as Redis sees it, with the prefix of the pool
	Pool pool.Alias // the pool that has it; of pools that share a database, the one that its name shows

	// Tenant is empty if tenants share the key.
	Tenant string

	// Kind is that of the record, such as [KindUser], also for a key beside it.
	// That of a pending set is [KindPending], and that of a registry of lists
	// [KindIndex]. It is empty if no pattern of the layout makes the key.
	Kind string

	// Parts are the parts of the key of the record after the tenant, such as
	// the id of a user. In a key of a list or an index, the id is empty. Those
	// of the schedule of triggers are the action, and those of a pending set
	// the service.
	Parts []string

	// Beside is the kind of a key that the library keeps beside a record, such
	// as "dead", as in docs/bytes.md. It is empty for the record itself.
	Beside string

	// Record is the key of the record beside which the key is, and for a record
	// its own name. For a list or an index it is what precedes an id in the
	// keys of the records and, if something follows it, a NUL and that.
	Record string
}

// Keys iterates over all keys in Redis, those of the library beside records
// too, and returns what the name of each says. It reads no key.
//
// Keys walks every database of the pools once, with SCAN. It holds a page of
// keys, and sends nothing more after the loop ends. A key that is written or
// removed meanwhile may be missing. Options, and the errors that end the loop,
// are those of [Tenants].
func Keys(ctx context.Context, pools *pool.Pools, opts ...Option) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		w, _, err := newTenantWalk(pools, "Keys", 0, opts)
		if err != nil {
			yield(Key{}, err)
			return
		}
		for page, err := range w.Keys(ctx) {
			if err != nil {
				yield(Key{}, err)
				return
			}
			for _, k := range page {
				if !yield(Key{k.Name, k.Pool, k.Tenant, k.Kind, slices.Clip(k.Parts), k.Beside, k.Record}, nil) {
					return
				}
			}
		}
	}
}
