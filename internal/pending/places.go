package pending

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

var (
	//go:embed lua/places.lua
	placesSource string
	//go:embed lua/hold.lua
	holdSource string
	//go:embed lua/free.lua
	freeSource string

	holdScript = rueidis.NewLuaScript(acl.RegisterScript(ScheduleSource + placesSource + holdSource))
	freeScript = rueidis.NewLuaScript(acl.RegisterScript(ScheduleSource + placesSource + freeSource))
)

// Places bounds how many handlers of a tenant run at once over all processes.
// Each takes a place while it runs. The zero Places is no bound.
type Places struct {
	PerTenant int           // the most places of a tenant
	Lease     time.Duration // how long a place is taken without a call of [Set.Hold]
}

// PlacesKey returns the key of the places of a tenant that are taken.
func PlacesKey(set, tenant string) string {
	return keyspace.Beside(queuekey.Places, set) + ":" + EscapeTenant(tenant)
}

// Hold renews the lease of a place of a tenant. If the place is not taken any
// more, Hold takes it again, unless all are taken by others. Then it returns
// [fault.ErrLeaseLost]. It sends one script.
func (s *Set) Hold(ctx context.Context, op, tenant, place string, p Places) error {
	held, err := s.onPlace(ctx, op, holdScript, tenant, place, strconv.Itoa(p.PerTenant), duration.Milliseconds(p.Lease))
	if err == nil && !held {
		err = fault.Target{Op: op, Pool: s.Alias}.NotApplied(fault.ErrLeaseLost)
	}
	return err
}

// Free frees a place of a tenant, and wakes workers if the tenant waits for
// it. It sends one script. If the place is free, Free changes nothing.
func (s *Set) Free(ctx context.Context, op, tenant, place string) error {
	_, err := s.onPlace(ctx, op, freeScript, tenant, place)
	return err
}

func (s *Set) onPlace(ctx context.Context, op string, script *rueidis.Lua, tenant string, args ...string) (bool, error) {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil {
		return false, err
	}
	set := t.Key
	t = t.WithKey(PlacesKey(set, tenant))
	m, err := script.Exec(t.In(ctx), s.Client, []string{TenantsKey(set)}, append([]string{EscapeTenant(tenant)}, args...)).ToMessage()
	if err != nil {
		return false, t.Failed(err)
	}
	if err := store.Shape(store.Flag).Check(t, m); err != nil {
		return false, err
	}
	n, err := m.ToInt64()
	return n == 1, failed(t, err)
}
