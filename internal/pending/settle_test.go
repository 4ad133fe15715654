package pending_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Whatever claims and acks come, and whatever other programs push, the schedule
// says when a queue has something to hand out as soon as a claim or an ack has
// looked at it.
func TestClaimsAndAcksKeepTheSchedule(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s := newService(t, p)
		set := s.prefixed(s.key)
		random := rand.New(rand.NewPCG(1, 2))
		var claims []*listrepo.Claim[int]
		var ends []time.Time
		waiting := 0
		scores := func(key string) []float64 {
			found, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", key, "0", "-1", "WITHSCORES").AsZScores()
			require.NoError(t, err)
			all := make([]float64, len(found))
			for i := range found {
				all[i] = found[i].Score
			}
			return all
		}
		check := func(step string) {
			queues, tenants := scores(pending.QueuesKey(set, "a")), scores(pending.TenantsKey(set))
			if waiting == 0 && len(claims) == 0 {
				require.Empty(t, queues, step)
				require.Empty(t, tenants, step)
				require.EqualValues(t, 1, s.do("ZCARD", keyspace.Beside("drained", set)), step)
				require.Zero(t, s.do("EXISTS", keyspace.Beside("age", s.prefixed(s.list("a", "q")))), step)
				return
			}
			require.Len(t, queues, 1, step)
			require.Len(t, tenants, 1, step)
			at := time.Now()
			if waiting == 0 {
				at = ends[0]
				for _, end := range ends {
					if end.Before(at) {
						at = end
					}
				}
				require.InDelta(t, at.UnixMilli(), queues[0], 30_000, step)
			} else {
				require.LessOrEqual(t, queues[0], float64(at.UnixMilli()+1000), step)
			}
			require.LessOrEqual(t, tenants[0], queues[0], step)
		}
		for i := range 300 {
			step := strconv.Itoa(i)
			switch random.IntN(6) {
			case 0:
				s.push("a", "q", make([]int, 1+random.IntN(12))...)
				waiting = int(s.do("LLEN", s.list("a", "q")))
			case 1: // another program, which does not know the schedule
				s.do("RPUSH", s.list("a", "q"), "1", "2")
				waiting += 2
			case 2, 3:
				lease := time.Duration(1+random.IntN(20)) * time.Minute
				c, err := s.queue("a", "q").Claim(ctx, "q", 1+random.IntN(30), lease)
				require.NoError(t, err)
				waiting -= len(c.Items)
				require.EqualValues(t, waiting, s.do("LLEN", s.list("a", "q")), step)
				if len(c.Items) > 0 {
					claims, ends = append(claims, c), append(ends, time.Now().Add(lease))
				}
				check(step + " claim")
			default:
				if random.IntN(2) == 0 {
					s.take(1) // holds the queue
				}
				if len(claims) == 0 {
					continue
				}
				n := random.IntN(len(claims))
				require.NoError(t, claims[n].Ack(ctx))
				claims, ends = append(claims[:n], claims[n+1:]...), append(ends[:n], ends[n+1:]...)
				check(step + " ack")
			}
		}
	})
}

// If a key of the schedule that a claim writes holds another type, the claim is
// valid all the same, and its error names the key.
func TestClaimWithoutTheSchedule(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, kind := range []string{"age", "queues", "tenants"} {
			for left := range 2 {
				if kind == "tenants" && left > 0 {
					continue // the tenant's time stays
				}
				s := newService(t, p)
				set := s.prefixed(s.key)
				key := map[string]string{
					"age": keyspace.Beside("age", s.prefixed(s.list("a", "q"))), "queues": pending.QueuesKey(set, "a"), "tenants": pending.TenantsKey(set),
				}[kind]
				s.push("a", "q", make([]int, 2+left)...)
				s.do("DEL", key)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key, "theirs").Error())
				c, err := s.queue("a", "q").Claim(ctx, "q", 2, time.Minute)
				require.ErrorIs(t, err, pool.ErrWrongType, kind)
				require.ErrorContains(t, err, strconv.Quote(key))
				require.Len(t, c.Items, 2)
				require.EqualValues(t, left, s.do("LLEN", s.list("a", "q")))
				require.NoError(t, c.Ack(ctx), kind)
				require.Zero(t, s.do("EXISTS", keyspace.Beside("due", s.prefixed(s.list("a", "q")))))
				require.EqualValues(t, left, s.do("LLEN", s.list("a", "q")))
			}
		}
	})
}
