package symphony

import (
	"context"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Table is the repository of the rows of one table by primary key. A row is a
// hash with the key `{tenant}:df:{table}:pkid:{pk}`.
//
// Most of its methods are those of [hashrepo.HashRepo], which documents them.
// [DeleteAllByPK] deletes a row from every table.
//
//   - one record: [hashrepo.HashRepo.Get], [hashrepo.HashRepo.GetField],
//     [hashrepo.HashRepo.Exists], [hashrepo.HashRepo.PeekShared]
//   - several records: [hashrepo.HashRepo.GetMany], [hashrepo.HashRepo.All],
//     [hashrepo.HashRepo.IDs], [hashrepo.HashRepo.Find],
//     [hashrepo.HashRepo.FindOne], [hashrepo.HashRepo.FindByField],
//     [hashrepo.HashRepo.Page], [hashrepo.HashRepo.Count]
//   - write a record: [hashrepo.HashRepo.Upsert],
//     [hashrepo.HashRepo.UpsertVersion], [hashrepo.HashRepo.UpsertMany],
//     [hashrepo.HashRepo.Replace]
//   - change fields: [hashrepo.HashRepo.Update], [hashrepo.HashRepo.Merge],
//     [hashrepo.HashRepo.Mutate], [hashrepo.HashRepo.UpdateField],
//     [hashrepo.HashRepo.IncrementField], [hashrepo.HashRepo.AppendToList],
//     [hashrepo.HashRepo.DeleteField]
//   - delete: [hashrepo.HashRepo.Delete], [hashrepo.HashRepo.DeleteAll]
//   - lifetimes: [hashrepo.HashRepo.TTL], [hashrepo.HashRepo.Touch]
//   - lists and indexes: [hashrepo.HashRepo.Reindex],
//     [hashrepo.HashRepo.Sweep]
//   - keys of sealed fields: [hashrepo.HashRepo.Reseal]
//   - options: [Table.With]
type Table[T any] struct{ *hashrepo.HashRepo[T] }

// NewTable returns the repository of a table's rows, on [pool.Handlers]. Every
// write renews the lifetime of a row, 24 hours by default. Rows that must not
// expire need the option [NoTTL]. NewTable sends nothing.
//
// If the tenant or the table cannot be part of a key, NewTable returns
// [ErrInvalidKey]. It also returns the errors of [hashrepo.New].
func NewTable[T any](pools *pool.Pools, tenant, table string, opts ...Option) (*Table[T], error) {
	space, rest, err := bind(pools, tablePattern, opts, tenant, table)
	if err != nil {
		return nil, err
	}
	repo, err := hashrepo.New[T](pools, pool.Handlers, space, rest...)
	if err != nil {
		return nil, err
	}
	return &Table[T]{repo}, nil
}

// With returns a view with more options; see [hashrepo.HashRepo.With].
func (t *Table[T]) With(opts ...Option) *Table[T] { return &Table[T]{t.HashRepo.With(opts...)} }

// DeleteAllByPK removes the row with primary key pk from every table of the
// tenant, and returns the number of rows that it removed. A row also leaves the
// list and the indexes of its table. Keys of other Redis types stay.
//
// It sends SCAN, over the whole database. For each page it sends EXISTS for the
// list of each table, then one script for each row of a table with a list, and
// one UNLINK for each other row. It is not atomic: a row that is written during
// the call may stay.
//
// With [Listed], the caller states that every table of the tenant has a list.
// DeleteAllByPK then finds the tables in the registry of the tenant's lists,
// with ZSCAN, and runs one script for each table. It needs no SCAN, and its
// time does not grow with the database. The lists need not be complete, because
// a row is deleted by its key. But a table of which no row is listed is not in
// the registry, and its row stays. So before you use the option here, run
// [hashrepo.HashRepo.Reindex] once on each table with rows that were written
// before it had a list.
//
// If the tenant or pk cannot be part of a key, DeleteAllByPK returns
// [ErrInvalidKey]. If the layout puts the tables of a tenant into several slots
// of a cluster, it returns [ErrUnsupported] with Listed. It also returns the
// errors of [hashrepo.HashRepo.DeleteAll].
func DeleteAllByPK(ctx context.Context, pools *pool.Pools, tenant, pk string, opts ...Option) (int64, error) {
	pattern, rest, err := pick(pools, tablePattern, opts)
	if err != nil {
		return 0, err
	}
	return hashrepo.DeleteFromAll(ctx, internal.NotForPublicUse{}, pools, pool.Handlers, pattern, tenant, pk, rest...)
}

func tablePattern(l keyspace.Layout) keyspace.Pattern { return l.Table }
