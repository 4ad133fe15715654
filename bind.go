package symphony

import (
	"fmt"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// bind returns the space of a domain repository and the options for its
// primitive. The layout's pattern is bound to parts, which the repository
// fixes.
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

// pick returns a pattern of the layout in force, and the options without
// Layout.
func pick(pools *pool.Pools, of func(keyspace.Layout) keyspace.Pattern, opts []Option) (keyspace.Pattern, []Option, error) {
	if err := pools.Opened(internal.NotForPublicUse{}); err != nil {
		return keyspace.Pattern{}, nil, fmt.Errorf("symphony: %w", err)
	}
	layout, rest := option.SplitLayout(pools.Layout(), opts)
	return of(layout), rest, nil
}
