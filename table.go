package symphony

import (
	"context"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Table is the repository of the rows of one table by primary key. A row is a
// hash with the key `{tenant}:df:{table}:pkid:{pk}`.
type Table[T any] struct{ *hashrepo.HashRepo[T] }

// NewTable returns the repository of a table's rows, on [pool.Handlers]. Every
// write renews the lifetime of a row, 24 hours by default. It sends nothing.
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

func tablePattern(l keyspace.Layout) keyspace.Pattern { return l.Table }

// With returns a view with more options; see [hashrepo.HashRepo.With].
func (t *Table[T]) With(opts ...Option) *Table[T] { return &Table[T]{t.HashRepo.With(opts...)} }

// DeleteAllByPK removes the row with primary key pk from every table of the
// tenant, and returns the number of rows that it removed. It sends SCAN, and
// UNLINK for each key of a page. It is not atomic.
//
// If the tenant or pk cannot be part of a key, DeleteAllByPK returns
// [ErrInvalidKey]. It also returns the errors of [hashrepo.HashRepo.DeleteAll].
func DeleteAllByPK(ctx context.Context, pools *pool.Pools, tenant, pk string, opts ...Option) (int64, error) {
	tables, rest, err := bind(pools, tablePattern, opts, tenant, keyspace.Any, pk)
	if err != nil {
		return 0, err
	}
	rows, err := hashrepo.New[Fields](pools, pool.Handlers, tables, rest...)
	if err != nil {
		return 0, err
	}
	return rows.DeleteAll(ctx)
}
