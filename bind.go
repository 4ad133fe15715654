package symphony

import (
	"fmt"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// bind is what the constructors begin with: the layout's pattern bound to the
// parts that the repository fixes, and the options for the primitive.
func bind(pools *pool.Pools, of func(keyspace.Layout) keyspace.Pattern, opts []Option, parts ...string) (keyspace.Space, []Option, error) {
	pattern, rest, err := pick(pools, of, opts)
	if err != nil {
		return keyspace.Space{}, nil, err
	}
	space, err := pattern.Bind(parts...)
	if err != nil {
		return keyspace.Space{}, nil, fmt.Errorf("symphony: %w", err)
	}
	return space, rest, nil
}

// pick takes a pattern out of the layout in force.
func pick(pools *pool.Pools, of func(keyspace.Layout) keyspace.Pattern, opts []Option) (keyspace.Pattern, []Option, error) {
	if pools == nil {
		return keyspace.Pattern{}, nil, fmt.Errorf("symphony: %w: the Pools are nil; pool.Open makes them", ErrUnknownPool)
	}
	layout, rest := option.SplitLayout(pools.Layout(), opts)
	return of(layout), rest, nil
}
