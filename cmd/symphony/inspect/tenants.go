package inspect

import (
	"context"
	"iter"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// Tenant is what a tenant has.
type Tenant struct {
	Tenant string           `json:"tenant"`
	Kinds  map[string]int64 `json:"kinds"` // by kind, such as symphony.KindUser
}

// Tenants iterates over all tenants, sorted by name, as [symphony.Tenants]
// does. It returns the same errors.
func Tenants(ctx context.Context, pools *pool.Pools) iter.Seq2[Tenant, error] {
	return func(yield func(Tenant, error) bool) {
		for s, err := range symphony.Tenants(ctx, pools) {
			if !yield(Tenant{s.Tenant, s.Keys}, err) {
				return
			}
		}
	}
}
