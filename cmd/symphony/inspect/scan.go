package inspect

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/pool"
)

// pageSize is the number of keys that one SCAN visits.
const pageSize = 1000

// primaries returns a client for each primary of a pool, in the order of their
// addresses. If the pool has several nodes, it sends ROLE to each.
func primaries(ctx context.Context, pools *pool.Pools, a pool.Alias) (all []rueidis.Client, err error) {
	c, err := pools.Client(a)
	if err != nil {
		return nil, err
	}
	nodes := c.Nodes()
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[addr]
		if len(nodes) > 1 {
			role, err := node.Do(ctx, node.B().Role().Build()).ToArray()
			if err != nil {
				return nil, fmt.Errorf("ROLE of %s: %w", addr, err)
			}
			if name, err := role[0].ToString(); err != nil || name != "master" {
				continue
			}
		}
		all = append(all, node)
	}
	return all, nil
}

// scan iterates over the keys of a pool that match a glob, in pages, as Redis
// sees them. It sends SCAN to each primary. A key may occur twice. It keeps the
// pace in ctx.
func scan(ctx context.Context, pools *pool.Pools, a pool.Alias, glob string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		walk := paceOf(ctx)
		nodes, err := primaries(ctx, pools, a)
		if err == nil {
			err = walk.begin(ctx, pools, a)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, node := range nodes {
			for cursor := uint64(0); ; {
				if err := walk.wait(ctx); err != nil {
					yield(nil, err)
					return
				}
				page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(glob).Count(pageSize).Build()).AsScanEntry()
				if err != nil {
					yield(nil, fmt.Errorf("SCAN of the pool %s: %w", a, err))
					return
				}
				walk.add(pageSize)
				if len(page.Elements) > 0 && !yield(page.Elements, nil) {
					return
				}
				if cursor = page.Cursor; cursor == 0 {
					break
				}
			}
		}
	}
}

// Keys returns the number of keys that a walk over each of the given pools
// visits, or one walk over all databases if there is none. It sends DBSIZE to
// each primary of each pool.
func Keys(ctx context.Context, pools *pool.Pools, aliases ...pool.Alias) (sum int64, err error) {
	if len(aliases) == 0 {
		aliases = databases(pools)
	}
	for _, a := range aliases {
		nodes, err := primaries(ctx, pools, a)
		if err != nil {
			return 0, err
		}
		for _, node := range nodes {
			n, err := node.Do(ctx, node.B().Dbsize().Build()).AsInt64()
			if err != nil {
				return 0, fmt.Errorf("DBSIZE of the pool %s: %w", a, err)
			}
			sum += n
		}
	}
	return sum, nil
}

// databases returns one pool for each database.
func databases(pools *pool.Pools) (all []pool.Alias) {
	shared := false // whether one of the pools with a prefix, which share a database, is in all
	for _, a := range pools.Aliases() {
		hasPrefix := pools.Prefix(a) != ""
		if !hasPrefix || !shared {
			all = append(all, a)
		}
		shared = shared || hasPrefix
	}
	return all
}
