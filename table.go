package symphony

import (
	"context"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Table holds the rows of one table: a hash for each, under
// `{tenant}:df:{table}:pkid:{pk}`.
type Table[T any] struct{ *hashrepo.HashRepo[T] }

// NewTable makes the repository of a table's rows by primary key, on
// pool.Handlers. A row lives 24 hours from its last write unless the options
// say otherwise. Nothing is sent. Errors: ErrInvalidKey, and those of
// hashrepo.New.
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

// With is a view with more options; see hashrepo.HashRepo.With.
func (t *Table[T]) With(opts ...Option) *Table[T] { return &Table[T]{t.HashRepo.With(opts...)} }

// DeleteAllByPK removes the row with primary key pk from every table of the
// tenant and counts the rows that were there: SCAN, and UNLINK a page at a
// time. Not atomic. Errors: as for NewTable and hashrepo.HashRepo.DeleteAll.
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
