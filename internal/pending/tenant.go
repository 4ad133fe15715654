package pending

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// Knows reports whether a tenant is in the pending set or in the schedule. It
// sends SISMEMBER, two ZSCORE and EXISTS, one round trip. A key of another type
// has no tenants.
func (s *Set) Knows(ctx context.Context, op, tenant string) (bool, error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return false, err
	}
	escaped := EscapeTenant(tenant)
	results := s.Client.DoMulti(t.In(ctx),
		s.Client.B().Sismember().Key(t.Key).Member(tenant).Build(),
		s.Client.B().Exists().Key(QueuesKey(t.Key, tenant), PlacesKey(t.Key, tenant)).Build(),
		s.Client.B().Zscore().Key(TenantsKey(t.Key)).Member(escaped).Build(),
		s.Client.B().Zscore().Key(drained(t)).Member(escaped).Build())
	known := false
	for i, result := range results {
		m, err := result.ToMessage()
		if i < 2 && err == nil {
			var n int64
			n, err = m.ToInt64()
			known = known || n > 0
		} else if err == nil {
			known = true
		}
		if err != nil && !rueidis.IsRedisNil(err) && !errors.Is(fault.Translate(err), fault.ErrWrongType) {
			return false, t.Failed(err)
		}
	}
	return known, nil
}

// Forget removes a tenant from the pending set, and the tenant and its queues
// from the schedule. Workers do not find items that the queues have. It sends
// SREM, two ZREM and UNLINK, one round trip. A key of another type stays.
func (s *Set) Forget(ctx context.Context, op, tenant string) error {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil {
		return err
	}
	escaped, b := EscapeTenant(tenant), s.Client.B
	results := s.Client.DoMulti(t.In(ctx),
		b().Srem().Key(t.Key).Member(tenant).Build(),
		b().Zrem().Key(TenantsKey(t.Key)).Member(escaped).Build(),
		b().Zrem().Key(drained(t)).Member(escaped).Build(),
		b().Unlink().Key(QueuesKey(t.Key, tenant), PlacesKey(t.Key, tenant)).Build())
	for _, result := range results {
		if err := result.Error(); err != nil && !errors.Is(fault.Translate(err), fault.ErrWrongType) {
			return t.Failed(err)
		}
	}
	return nil
}
