package pending

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// ScheduleSource is the source of the functions that keep the schedule of a
// service, for the scripts that change a queue. It begins with the clock.
//
//go:embed lua/schedule.lua
var ScheduleSource string

var (
	//go:embed lua/take_idle.lua
	takeIdleSource string
	//go:embed lua/take.lua
	takeSource string
	//go:embed lua/check.lua
	checkSource string
	//go:embed lua/defer.lua
	deferSource string
	//go:embed lua/end_removal.lua
	endRemovalSource string

	takeScript       = rueidis.NewLuaScript(acl.RegisterScript(takeIdleSource + ScheduleSource + placesSource + takeSource))
	checkScript      = rueidis.NewLuaScript(acl.RegisterScript(ScheduleSource + checkSource))
	deferScript      = rueidis.NewLuaScript(acl.RegisterScript(ScheduleSource + deferSource))
	endRemovalScript = rueidis.NewLuaScript(acl.RegisterScript(endRemovalSource))

	takeReply = store.Tuple(store.Number, store.Flag, store.Text, store.Count, store.Count, store.Texts, store.Texts, store.Texts) //nolint:gocritic // elements may have the same shape
)

// TenantsKey returns the key of the tenants of a schedule, from which scripts
// derive the other keys. set is the key of the pending set.
func TenantsKey(set string) string { return keyspace.Beside(queuekey.Tenants, set) }

// QueuesKey returns the key of a tenant's queues in a schedule.
func QueuesKey(set, tenant string) string {
	return keyspace.Beside(queuekey.Queues, set) + ":" + EscapeTenant(tenant)
}

// WakeChannel returns the channel to which scripts publish the milliseconds
// until a queue is ready.
func (s *Set) WakeChannel(ctx context.Context, op string) (string, error) {
	t, err := s.Begin(ctx, op, s.Service)
	return keyspace.Beside(queuekey.Wake, t.Key), err
}

// EscapeTenant returns the form of a tenant in a schedule. [Queue.Member]
// begins with it and a colon.
func EscapeTenant(tenant string) string { return escape.Replace(tenant) }

// UnescapeTenant is the inverse of EscapeTenant. It reports false if the text
// is not the form of a tenant.
func UnescapeTenant(text string) (string, bool) {
	tenant := unescape.Replace(text)
	return tenant, EscapeTenant(tenant) == text
}

var (
	escape   = strings.NewReplacer("%", "%25", ":", "%3A")
	unescape = strings.NewReplacer("%25", "%", "%3A", ":")
)

const (
	// MaxTake is the most queues that one call of [Set.Take] hands out.
	MaxTake = 1000

	hold       = 2 * time.Second  // how long a queue is held that was handed out
	sweepLease = 10 * time.Second // how long a process may be silent before another one sweeps
)

// Sweeper is a process that wants to have the lease of the sweep. The zero
// Sweeper does not want it.
type Sweeper struct {
	Name string

	// DrainedFor is how long a tenant must have had no queue in the schedule
	// before its removal from the pending set begins. If it is not positive, no
	// removal begins.
	DrainedFor time.Duration
}

// Look is what [Set.Take] returns.
type Look struct {
	Queues []Queue       // handed out
	Places []string      // names of the places of Queues; nil if places have no bound
	Wait   time.Duration // until the next queue is ready; below 0 if there is none
	Sweep  bool          // whether the caller has the lease of the sweep, and tenants are pending

	// Drained are tenants whose removal from the pending set has begun, now or
	// by a process that did not end it. [Set.EndRemoval] must follow. Until
	// then, [Set.Tenants] still has them, and the next Take of a sweeper too.
	Drained []string

	// Unscheduled is how many members of the pending set had no queue in the
	// schedule before, according to a sweeper.
	Unscheduled int64

	// Foreign describes data of other programs in the schedule; nil if none
	// was found.
	Foreign error
}

// Take hands out up to n queues that have something to claim, the next one of
// each tenant in turn. It holds them for two seconds: if none of them is
// claimed until then, it is handed out again. For the sweeper it also begins
// the removal of tenants without queues, at most a thousand. Take sends one
// script, and another command for each foreign member of the schedule. Its cost
// does not depend on the number of queues in the schedule.
func (s *Set) Take(ctx context.Context, op string, n int, sweeper Sweeper) (look Look, err error) {
	return s.TakeWithPlaces(ctx, op, n, sweeper, Places{})
}

// TakeWithPlaces is [Set.Take]. In the same script, it takes a place for each
// queue that it hands out, and passes over tenants without a free place.
// [Set.Hold] must renew the leases of the places, and [Set.Free] free them. If
// places have no bound, it takes none.
func (s *Set) TakeWithPlaces(ctx context.Context, op string, n int, sweeper Sweeper, places Places) (look Look, err error) {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil {
		return look, err
	}
	set := t.Key
	t = t.WithKey(TenantsKey(set))
	age := ""
	if sweeper.DrainedFor > 0 {
		age = duration.Milliseconds(sweeper.DrainedFor)
	}
	args := []string{strconv.Itoa(min(n, MaxTake)), duration.Milliseconds(hold), sweeper.Name, duration.Milliseconds(sweepLease), age}
	names := ""
	if places.PerTenant > 0 {
		names = rand.Text()[:13] + "-"
		args = append(args, strconv.Itoa(places.PerTenant), names, duration.Milliseconds(places.Lease))
	}
	parts, err := readTuple(t, takeReply, takeScript.Exec(t.In(ctx), s.Client, []string{t.Key, set}, args))
	if err != nil {
		return look, err
	}
	wait, errWait := parts[0].ToInt64()
	sweep, errSweep := parts[1].ToInt64()
	skipped, errSkipped := parts[2].ToString()
	removed, errRemoved := parts[3].ToInt64()
	unscheduled, errUnscheduled := parts[4].ToInt64()
	drained, errDrained := parts[5].AsStrSlice()
	begun, errBegun := parts[6].AsStrSlice()
	members, errMembers := parts[7].AsStrSlice()
	if err := errors.Join(errWait, errSweep, errSkipped, errRemoved, errUnscheduled, errDrained, errBegun, errMembers); err != nil {
		return look, t.Applied(err)
	}
	look.Wait, look.Sweep, look.Unscheduled = time.Duration(wait), sweep == 1, unscheduled
	if wait > 0 {
		look.Wait = duration.FromMilliseconds(wait)
	}
	var unnamed []string
	for i, member := range members {
		if q, ok := s.parseQueue(member); ok {
			look.Queues = append(look.Queues, q)
			if names != "" {
				look.Places = append(look.Places, names+strconv.Itoa(i+1))
			}
		} else {
			unnamed = append(unnamed, member) // its place is free when the lease ends
		}
	}
	if skipped != "" {
		look.Foreign = wrongType(t, skipped)
	}
	if removed += int64(len(unnamed)); removed > 0 {
		look.Foreign = errors.Join(look.Foreign, t.NotApplied(fmt.Errorf("%w: the schedule had members that do not name a queue; they were removed", keyspace.ErrInvalidKey)))
	}
	var notTenants []string
	look.Drained, notTenants = s.parseTenants(drained)
	interrupted, notBegun := s.parseTenants(begun)
	look.Drained = append(look.Drained, interrupted...)
	if len(unnamed)+len(notTenants)+len(notBegun) > 0 {
		err = fault.Join(s.drop(ctx, t, set, unnamed), s.forget(ctx, op, notTenants, notBegun))
	}
	return look, err
}

// parseTenants returns the tenants among members of the schedule, and the
// members that are no tenants.
func (s *Set) parseTenants(members []string) (tenants, foreign []string) {
	for _, text := range members {
		if tenant, ok := UnescapeTenant(text); ok && s.checkTenant(tenant) == nil {
			tenants = append(tenants, tenant)
		} else {
			foreign = append(foreign, text)
		}
	}
	return tenants, foreign
}

// forget removes members of the drained tenants that are no tenants. Those
// whose removal from the pending set has just begun go back there, where
// [Set.Members] reports them.
func (s *Set) forget(ctx context.Context, op string, drainedNow, others []string) error {
	return s.change(ctx, op, len(drainedNow)+len(others), func(t fault.Target) store.Tx {
		tx := append(s.Tx(2), s.Client.B().Zrem().Key(drained(t)).Member(drainedNow...).Member(others...).Build())
		if len(drainedNow) == 0 {
			return tx
		}
		back := make([]string, len(drainedNow))
		for i, text := range drainedNow {
			back[i] = unescape.Replace(text)
		}
		return append(tx, s.Client.B().Sadd().Key(t.Key).Member(back...).Build())
	})
}

// drop removes members from the schedule that do not name a queue.
func (s *Set) drop(ctx context.Context, t fault.Target, set string, members []string) error {
	var errs []error
	for _, member := range members {
		tenant, _, _ := strings.Cut(member, ":")
		key := keyspace.Beside(queuekey.Queues, set) + ":" + tenant
		if err := s.Client.Do(t.In(ctx), s.Client.B().Zrem().Key(key).Member(member).Build()).Error(); err != nil {
			errs = append(errs, t.WithKey(key).Failed(err))
		}
	}
	return fault.Join(errs...)
}

// Defer hands out a queue no earlier than after a pause, unless a call that
// changes the queue schedules it before. It sends one script.
func (s *Set) Defer(ctx context.Context, op string, q Queue, pause time.Duration) error {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil {
		return err
	}
	member, err := q.Member()
	if err != nil {
		return t.NotApplied(err)
	}
	t = t.WithKey(TenantsKey(t.Key))
	args := []string{member, EscapeTenant(q.Tenant), duration.Milliseconds(pause)}
	_, err = deferScript.Exec(t.In(ctx), s.Client, []string{t.Key}, args).AsInt64()
	return failed(t, err)
}

// Queues returns the queues of a tenant in the schedule. It sends ZRANGE.
func (s *Set) Queues(ctx context.Context, op, tenant string) (queues []Queue, err error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	t = t.WithKey(QueuesKey(t.Key, tenant))
	members, err := store.ReadTexts(s.Client.Do(t.In(ctx), s.Client.B().Zrange().Key(t.Key).Min("0").Max("-1").Build()))
	if err != nil {
		return nil, t.Failed(err)
	}
	for _, member := range members {
		if q, ok := s.parseQueue(member); ok && q.Tenant == tenant {
			queues = append(queues, q)
		}
	}
	return queues, nil
}

// IsScheduled reports for each queue whether it is in the schedule, and for a
// time that is not later than the end of a period from now. It sends ZMSCORE
// for each tenant, and again for each further thousand of its queues, and once
// for every thousand tenants.
//
// If the key of a tenant's queues holds another type, they are not in the
// schedule.
func (s *Set) IsScheduled(ctx context.Context, op string, within time.Duration, queues ...Queue) ([]bool, error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	latest := float64(s.Clock().Now().Add(within).UnixMilli())
	byTenant := map[string][]int{}
	for i, q := range queues {
		byTenant[q.Tenant] = append(byTenant[q.Tenant], i)
	}
	turns, err := s.Scheduled(ctx, op, slices.Collect(maps.Keys(byTenant))...)
	if err != nil {
		return nil, err
	}
	var pages [][]int // indices of queues of one tenant
	for _, all := range byTenant {
		pages = slices.AppendSeq(pages, slices.Chunk(all, 1000))
	}
	scheduled := make([]bool, len(queues))
	for pages := range slices.Chunk(pages, 100) {
		commands := make(rueidis.Commands, len(pages))
		for i, page := range pages {
			members := make([]string, len(page))
			for j, at := range page {
				if members[j], err = queues[at].Member(); err != nil {
					return nil, t.NotApplied(err)
				}
			}
			commands[i] = s.Client.B().Zmscore().Key(QueuesKey(t.Key, queues[page[0]].Tenant)).Member(members...).Build()
		}
		for i, result := range s.Client.DoMulti(t.In(ctx), commands...) {
			scores, err := result.ToArray()
			if err == nil && len(scores) != len(pages[i]) {
				err = store.ErrShape
			}
			err = failed(t.WithKey(QueuesKey(t.Key, queues[pages[i][0]].Tenant)), err)
			if errors.Is(err, fault.ErrWrongType) {
				continue
			} else if err != nil {
				return nil, err
			}
			for j, at := range pages[i] {
				ready, err := scores[j].AsFloat64()
				turn, ok := turns[queues[at].Tenant]
				scheduled[at] = err == nil && ok && max(ready, turn) <= latest
			}
		}
	}
	return scheduled, nil
}

// Check reports for each queue whether it has items, waiting or in flight. It
// adds queues with items to the schedule, and removes those without. It also
// corrects times that are too late, unless they are pauses. It runs a
// script for each queue, a thousand in a pipeline.
//
// If a queue cannot be read, Check reports true, and returns the error beside
// the results.
func (s *Set) Check(ctx context.Context, op string, queues ...Queue) ([]bool, error) {
	return s.check(ctx, op, queues, "")
}

// Withdraw removes queues from the schedule even if they have items in their
// lists. Queues with items in claims, or that wait beside the list, remain,
// since workers find such items only by the schedule.
func (s *Set) Withdraw(ctx context.Context, op string, queues ...Queue) error {
	_, err := s.check(ctx, op, queues, "1")
	return err
}

func (s *Set) check(ctx context.Context, op string, queues []Queue, force string) ([]bool, error) {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil || len(queues) == 0 {
		return nil, err
	}
	calls := make([]rueidis.LuaExec, len(queues))
	for i, q := range queues {
		key, err := s.list.Key(q.Tenant, s.Service, q.Entity, q.Action)
		member, errMember := q.Member()
		if err := errors.Join(err, errMember); err != nil {
			return nil, t.NotApplied(err)
		}
		key = s.Prefix() + key
		calls[i].Keys = []string{TenantsKey(t.Key), key, keyspace.Beside(queuekey.Due, key)}
		calls[i].Args = []string{member, EscapeTenant(q.Tenant), force}
	}
	results := make([]bool, len(queues))
	var errs []error
	var replies []rueidis.RedisResult
	for page := range slices.Chunk(calls, 1000) {
		replies = append(replies, checkScript.ExecMulti(t.In(ctx), s.Client, page...)...)
	}
	for i, result := range replies {
		m, err := result.ToMessage()
		if err == nil && !store.Flag(m) {
			err = store.ErrShape
		}
		if err != nil {
			errs = append(errs, t.WithKey(calls[i].Keys[1]).Failed(err))
		}
		n, _ := m.ToInt64()
		results[i] = err != nil || n == 1
	}
	return results, fault.Join(errs...)
}

// Scheduled returns those of the tenants that have a queue in the schedule,
// with the times of their next turns in milliseconds. It sends ZMSCORE for
// every thousand tenants.
func (s *Set) Scheduled(ctx context.Context, op string, tenants ...string) (map[string]float64, error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	t = t.WithKey(TenantsKey(t.Key))
	turns := map[string]float64{}
	for page := range slices.Chunk(tenants, 1000) {
		scores, err := s.Client.Do(t.In(ctx), s.Client.B().Zmscore().Key(t.Key).Member(escapeAll(page)...).Build()).ToArray()
		if err == nil && len(scores) != len(page) {
			err = store.ErrShape
		}
		if err != nil {
			return nil, t.Failed(err)
		}
		for i := range scores {
			if turn, err := scores[i].AsFloat64(); err == nil {
				turns[page[i]] = turn
			}
		}
	}
	return turns, nil
}

// wrongType returns the error for a key that holds another type.
func wrongType(t fault.Target, key string) error {
	return t.WithKey(key).NotApplied(fmt.Errorf("%w: another program wrote it; move it away with RENAME, or remove it with DEL", fault.ErrWrongType))
}

// readTuple returns the elements of a script's reply.
func readTuple(t fault.Target, shape store.Shape, r rueidis.RedisResult) ([]rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if err != nil {
		return nil, t.Failed(err)
	}
	if err := shape.Check(t, m); err != nil {
		return nil, err
	}
	parts, err := m.ToArray()
	return parts, failed(t, err)
}
