package systemtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/internal/rights"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// permittedCall is a call that needs permissions.
type permittedCall struct {
	name string
	call func(ctx context.Context) error
}

// callList returns calls that use every permission of one row of the table in
// docs/security.md.
type callList func(t *testing.T, p *pool.Pools) []permittedCall

// versionedRecord is a record with a version, text, a number and a list.
type versionedRecord struct {
	Name    string   `redis:"name"`
	N       int64    `redis:"n"`
	Tags    []string `redis:"tags"`
	Version int64    `redis:"version,version"`
}

// plainRecord is a record without a version.
type plainRecord struct {
	Name string   `redis:"name"`
	N    int64    `redis:"n"`
	Tags []string `redis:"tags"`
}

var callsByRow = map[string]callList{
	"pool.Open": func(t *testing.T, p *pool.Pools) []permittedCall { return []permittedCall{{"Ping", p.Ping}} },
	"User": forHash(func(p *pool.Pools) (*hashrepo.HashRepo[plainRecord], error) {
		u, err := symphony.NewUser[plainRecord](p, "acme")
		return u.HashRepo, err
	}),
	"StateHandler": forHash(func(p *pool.Pools) (*hashrepo.HashRepo[plainRecord], error) {
		u, err := symphony.NewStateHandler[plainRecord](p, "acme", "cart")
		return u.HashRepo, err
	}),
	"Table":        tableCalls,
	"SharedState":  sharedStateCalls,
	"Generic":      genericCalls,
	"Limiter":      limiterCalls,
	"Batch":        batchCalls,
	"WorkBatches":  workBatchesCalls,
	"Trigger":      triggerCalls,
	"Listener":     listenerCalls,
	"cached reads": cachedReadCalls,
	"indexes":      indexCalls,
	"tenants":      tenantCalls,
	"Feed":         feedCalls,
	"Topic":        topicCalls,
}

func forHash(open func(p *pool.Pools) (*hashrepo.HashRepo[plainRecord], error)) callList {
	return func(t *testing.T, p *pool.Pools) []permittedCall {
		r, err := open(p)
		require.NoError(t, err)
		return hashCalls(r)
	}
}

func hashCalls(r *hashrepo.HashRepo[plainRecord]) []permittedCall {
	n := hashrepo.NumberOf(func(v *plainRecord) *int64 { return &v.N })
	name := hashrepo.FieldOf(func(v *plainRecord) *string { return &v.Name })
	tags := hashrepo.ListOf(func(v *plainRecord) *[]string { return &v.Tags })
	full := plainRecord{Name: "Ann", N: 1, Tags: []string{"a"}}
	return []permittedCall{
		{"Upsert", func(ctx context.Context) error { return r.Upsert(ctx, "1", full) }},
		{"Upsert KeepTTL", func(ctx context.Context) error { return r.With(hashrepo.KeepTTL()).Upsert(ctx, "1", full) }},
		{"Upsert NoTTL", func(ctx context.Context) error { return r.With(hashrepo.NoTTL()).Upsert(ctx, "1", plainRecord{}) }},
		{"UpsertMany", func(ctx context.Context) error {
			return r.UpsertMany(ctx, hashrepo.Record[plainRecord]{ID: "2", Value: full}, hashrepo.Record[plainRecord]{ID: "3", Value: full})
		}},
		{"Replace", func(ctx context.Context) error { return r.Replace(ctx, "1", full) }},
		{"Update", func(ctx context.Context) error { return r.Update(ctx, "1", name.Set("Bob")) }},
		{"Update many", func(ctx context.Context) error { return r.Update(ctx, "1", n.Add(2), tags.Append("b"), name.Clear()) }},
		{"Merge", func(ctx context.Context) error { return errorOf(r.Merge(ctx, "1", n.Add(1))) }},
		{"Mutate", func(ctx context.Context) error {
			return errorOf(r.Mutate(ctx, "1", func(v *plainRecord) error { v.N++; v.Tags = nil; return nil }))
		}},
		{"UpdateField", func(ctx context.Context) error { return r.UpdateField(ctx, "1", "name", "Cid") }},
		{"IncrementField", func(ctx context.Context) error { return errorOf(r.IncrementField(ctx, "1", "n", 1)) }},
		{"AppendToList", func(ctx context.Context) error { return r.AppendToList(ctx, "1", "tags", "c") }},
		{"DeleteField", func(ctx context.Context) error { return errorOf(r.DeleteField(ctx, "1", "tags")) }},
		{"Get", func(ctx context.Context) error { return errorOf(r.Get(ctx, "1")) }},
		{"Get zero", func(ctx context.Context) error {
			return errors.Join(r.Upsert(ctx, "zero", plainRecord{}), errorOf(r.Get(ctx, "zero")))
		}},
		{"GetMany", func(ctx context.Context) error { return errorOf(r.GetMany(ctx, "1", "2", "none")) }},
		{"GetField", func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{"FindByField", func(ctx context.Context) error { return errorOf(r.FindByField(ctx, "name", "Cid")) }},
		{"FindOne", func(ctx context.Context) error { return errorOf(r.FindOne(ctx, name.Eq("Cid"))) }},
		{"Exists", func(ctx context.Context) error { return errorOf(r.Exists(ctx, "1")) }},
		{"TTL", func(ctx context.Context) error { return errorOf(r.TTL(ctx, "1")) }},
		{"Touch", func(ctx context.Context) error { return errorOf(r.Touch(ctx, "1")) }},
		{"All", func(ctx context.Context) (err error) {
			for _, e := range r.All(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"IDs", func(ctx context.Context) (err error) {
			for _, e := range r.IDs(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Delete", func(ctx context.Context) error { return errorOf(r.Delete(ctx, "2")) }},
		{"DeleteAll", func(ctx context.Context) error { return errorOf(r.DeleteAll(ctx)) }},
	}
}

func tableCalls(t *testing.T, p *pool.Pools) []permittedCall {
	plainTable, err := symphony.NewTable[plainRecord](p, "acme", "items")
	require.NoError(t, err)
	versioned, err := symphony.NewTable[versionedRecord](p, "acme", "accounts")
	require.NoError(t, err)
	return append(hashCalls(plainTable.HashRepo),
		permittedCall{"Upsert versioned", func(ctx context.Context) error { return versioned.Upsert(ctx, "1", versionedRecord{Name: "Ann"}) }},
		permittedCall{"Update versioned", func(ctx context.Context) error { return versioned.UpdateField(ctx, "1", "name", "Bob") }},
		permittedCall{"DeleteAllByPK", func(ctx context.Context) error { return errorOf(symphony.DeleteAllByPK(ctx, p, "acme", "1")) }},
	)
}

func sharedStateCalls(t *testing.T, p *pool.Pools) []permittedCall {
	ss, err := symphony.NewSharedState(p, "acme", "42")
	require.NoError(t, err)
	r, err := symphony.StateOf[plainRecord](ss)
	require.NoError(t, err)
	return hashCalls(r)
}

func limiterCalls(t *testing.T, p *pool.Pools) []permittedCall {
	l, err := symphony.NewLimiter(p, "acme", symphony.Rate{Limit: 5, Per: time.Hour})
	require.NoError(t, err)
	return []permittedCall{
		{"Take and Settle", func(ctx context.Context) error {
			g, err := l.Take(ctx, "calls", 5)
			if err != nil {
				return err
			}
			return l.Settle(ctx, g, 0)
		}},
	}
}

func genericCalls(t *testing.T, p *pool.Pools) []permittedCall {
	g, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	return []permittedCall{
		{"Set", func(ctx context.Context) error { return g.Set(ctx, "1", "a") }},
		{"Set with TTL", func(ctx context.Context) error { return g.With(symphony.TTL(time.Hour)).Set(ctx, "1", "a") }},
		{"Set KeepTTL", func(ctx context.Context) error {
			return g.With(symphony.KeepTTL(), symphony.TTL(time.Hour)).Set(ctx, "1", "a")
		}},
		{"Set IfAbsent", func(ctx context.Context) error { return g.With(symphony.IfAbsent()).Set(ctx, "2", "a") }},
		{"Set IfExists", func(ctx context.Context) error {
			return g.With(symphony.IfExists(), symphony.KeepTTL()).Set(ctx, "2", "a")
		}},
		{"SetMany", func(ctx context.Context) error {
			return g.SetMany(ctx, kvrepo.Record[string]{ID: "3", Value: "b"}, kvrepo.Record[string]{ID: "4", Value: "b"})
		}},
		{"SetMany KeepTTL", func(ctx context.Context) error {
			return g.With(symphony.KeepTTL(), symphony.TTL(time.Hour)).SetMany(ctx, kvrepo.Record[string]{ID: "3", Value: "b"}, kvrepo.Record[string]{ID: "4", Value: "b"})
		}},
		{"Swap", func(ctx context.Context) error { _, _, err := g.Swap(ctx, "1", "b"); return err }},
		{"Mutate", func(ctx context.Context) error {
			return errorOf(g.Mutate(ctx, "1", func(s *string) error { *s += "c"; return nil }))
		}},
		{"GetOrLoad", func(ctx context.Context) error {
			return errorOf(g.GetOrLoad(ctx, "loaded", func(context.Context) (string, error) { return "v", nil }))
		}},
		{"GetOrLoad that fails", func(ctx context.Context) error {
			failed := errors.New("load failed")
			_, err := g.GetOrLoad(ctx, "failing", func(context.Context) (string, error) { return "", failed })
			if errors.Is(err, failed) && !errors.Is(err, symphony.ErrNoPermission) {
				return nil
			}
			return err
		}},
		{"Get", func(ctx context.Context) error { return errorOf(g.Get(ctx, "1")) }},
		{"GetMany", func(ctx context.Context) error { return errorOf(g.GetMany(ctx, "1", "2")) }},
		{"Exists", func(ctx context.Context) error { return errorOf(g.Exists(ctx, "1")) }},
		{"TTL", func(ctx context.Context) error { return errorOf(g.TTL(ctx, "1")) }},
		{"Touch", func(ctx context.Context) error { return errorOf(g.With(symphony.TTL(time.Hour)).Touch(ctx, "1")) }},
		{"IDs", func(ctx context.Context) (err error) {
			for _, e := range g.IDs(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Delete", func(ctx context.Context) error { return errorOf(g.Delete(ctx, "1")) }},
		{"DeleteAll", func(ctx context.Context) error { return errorOf(g.DeleteAll(ctx)) }},
	}
}

var chatQueue = symphony.Queue{Service: "chat", Entity: "user", Action: "reply"}

func batchCalls(t *testing.T, p *pool.Pools) []permittedCall {
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	inbox := symphony.Queue{Service: "chat", Entity: "user", Action: "inbox"}
	var claim *listrepo.Claim[string]
	claiming := func(ctx context.Context) (err error) {
		claim, err = b.Claim(ctx, chatQueue, 2, time.Minute)
		return err
	}
	withClaim := func(call func(ctx context.Context) error) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			if claim == nil {
				return errNoItems
			}
			return call(ctx)
		}
	}
	return []permittedCall{
		{"Enqueue", func(ctx context.Context) error {
			return errorOf(b.Enqueue(ctx, chatQueue, "a", "b", "c", "d", "e", "f", "g", "h", "i"))
		}},
		{"Len", func(ctx context.Context) error { return errorOf(b.Len(ctx, chatQueue)) }},
		{"Chunk", func(ctx context.Context) error { return errorOf(b.Chunk(ctx, chatQueue, 0, -1)) }},
		{"Trim", func(ctx context.Context) error { return b.Trim(ctx, chatQueue, 0, 7) }},
		{"Claim", claiming},
		{"Extend", withClaim(func(ctx context.Context) error { return claim.Extend(ctx, time.Minute) })},
		{"Release", withClaim(func(ctx context.Context) error { return claim.Release(ctx) })},
		{"Claim again", claiming},
		{"Ack", withClaim(func(ctx context.Context) error { return claim.Ack(ctx) })},
		{"Enqueue bounded", func(ctx context.Context) error {
			return errorOf(b.With(symphony.MaxLen(100)).Enqueue(ctx, chatQueue, "j", "k"))
		}},
		{"Claim two", claiming},
		{"Ack one", withClaim(func(ctx context.Context) error { return claim.Ack(ctx, claim.Items[0]) })},
		{"Ack the other", withClaim(func(ctx context.Context) error { return claim.Ack(ctx, claim.Items[1]) })},
		{"Process", func(ctx context.Context) error {
			return errorOf(b.Process(ctx, chatQueue, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
		}},
		{"Process that fails", func(ctx context.Context) error {
			_, err := b.With(symphony.MaxAttempts(1)).Process(ctx, chatQueue, 2, func(context.Context, []listrepo.Item[string]) error { return errors.New("poison") })
			if err != nil && !errors.Is(err, symphony.ErrNoPermission) {
				return nil
			}
			return err
		}},
		{"Claim with MaxAttempts", func(ctx context.Context) error {
			c, err := b.With(symphony.MaxAttempts(1)).Claim(ctx, chatQueue, 2, time.Minute)
			if err != nil || c == nil {
				return err
			}
			return c.Release(ctx)
		}},
		{"Claim and Release everything", func(ctx context.Context) error {
			c, err := b.Claim(ctx, chatQueue, 500, time.Minute)
			if err != nil {
				return err
			}
			return c.Release(ctx)
		}},
		{"Release after a Trim", func(ctx context.Context) error {
			return errors.Join(releaseAfterTrim(ctx, b, 2), releaseAfterTrim(ctx, b, 490))
		}},
		{"Backlog", func(ctx context.Context) error { return errorOf(b.Backlog(ctx, chatQueue)) }},
		{"Dead", func(ctx context.Context) (err error) {
			for _, e := range b.Dead(ctx, chatQueue) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Retry", func(ctx context.Context) error { return errorOf(b.Retry(ctx, chatQueue)) }},
		{"Discard", func(ctx context.Context) error { return errorOf(b.Discard(ctx, chatQueue)) }},
		{"Enqueue in order", func(ctx context.Context) error {
			return errorOf(b.With(symphony.Serial(), symphony.Quiet(time.Millisecond, time.Hour)).Enqueue(ctx, inbox, "a", "b"))
		}},
		{"PutOff", func(ctx context.Context) error {
			return b.With(symphony.Quiet(time.Millisecond, time.Hour)).PutOff(ctx, inbox)
		}},
		{"Claim with a delay", func(ctx context.Context) error {
			for _, q := range []symphony.Queue{chatQueue, inbox} {
				c, err := b.Claim(ctx, q, 1, time.Minute)
				if err != nil || c == nil {
					return err
				}
				if err := c.Fail(ctx, symphony.RetryAfter(time.Millisecond, errors.New("once more"))); err != nil {
					return err
				}
			}
			return nil
		}},
		{"PendingTenants", func(ctx context.Context) error { return errorOf(symphony.PendingTenants(ctx, p, "chat")) }},
		{"RemoveFromPending", func(ctx context.Context) error { return errorOf(symphony.RemoveFromPending(ctx, p, "chat", "acme")) }},
		{"ForceRemoveFromPending", func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "acme") }},
	}
}

// releaseAfterTrim claims items three times, releases two claims, empties the
// queue and releases the third claim.
func releaseAfterTrim(ctx context.Context, b *symphony.Batch[string], n int) error {
	items := make([]string, 3*n)
	for i := range items {
		items[i] = fmt.Sprint("item ", i)
	}
	if _, err := b.Enqueue(ctx, chatQueue, items...); err != nil {
		return err
	}
	claims := make([]*listrepo.Claim[string], 3)
	for i := range claims {
		var err error
		if claims[i], err = b.Claim(ctx, chatQueue, n, time.Minute); err != nil {
			return err
		}
	}
	return errors.Join(claims[0].Release(ctx), claims[1].Release(ctx), b.Trim(ctx, chatQueue, 0, 0), claims[2].Release(ctx))
}

func workBatchesCalls(t *testing.T, p *pool.Pools) []permittedCall {
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	return []permittedCall{
		{"Enqueue", func(ctx context.Context) error { return errorOf(b.Enqueue(ctx, chatQueue, "a", "b")) }},
		{"WorkBatches", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			reported := make(chan error, 100)
			report := func(err *symphony.WorkError) {
				if errors.Is(err, symphony.ErrNoPermission) {
					select {
					case reported <- err:
					default:
					}
					cancel()
				}
			}
			go func() { // stop when the tenant is no longer pending
				for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
					if tenants, err := symphony.PendingTenants(ctx, p, "chat"); err == nil && len(tenants) == 0 {
						cancel()
					}
				}
			}()
			err := symphony.WorkBatches(ctx, p, "chat", func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error { return nil },
				symphony.WorkConfig{OnError: report, Lease: 100 * time.Millisecond, PerTenant: 1, DeadLimit: 1, DeadFor: time.Hour})
			select {
			case err = <-reported:
			default:
			}
			return err
		}},
	}
}

func triggerCalls(t *testing.T, p *pool.Pools) []permittedCall {
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	return []permittedCall{
		{"Set", func(ctx context.Context) error { return tr.Set(ctx, "remind", "1", time.Hour) }},
		{"Set again", func(ctx context.Context) error { return tr.Set(ctx, "remind", "1", time.Hour) }},
		{"SetPayload", func(ctx context.Context) error { return tr.SetPayload(ctx, "remind", "2", "hello", time.Hour) }},
		{"Set without a payload", func(ctx context.Context) error { return tr.Set(ctx, "remind", "2", time.Hour) }},
		{"SetAt", func(ctx context.Context) error { return tr.SetAt(ctx, "remind", "3", time.Now().Add(time.Hour)) }},
		{"SetPayloadEvery", func(ctx context.Context) error { return tr.SetPayloadEvery(ctx, "remind", "3", "hello", time.Hour) }},
		{"the same period", func(ctx context.Context) error { return tr.SetEvery(ctx, "remind", "3", time.Hour) }},
		{"SetCron", func(ctx context.Context) error { return tr.SetCron(ctx, "remind", "3", "0 3 * * *", "UTC") }},
		{"Rule", func(ctx context.Context) error { return errorOf(tr.Rule(ctx, "remind", "3")) }},
		{"Delete of a recurring one", func(ctx context.Context) error { return errorOf(tr.Delete(ctx, "remind", "3")) }},
		{"Debounce", func(ctx context.Context) error { return tr.Debounce(ctx, "remind", "1", time.Minute, time.Hour) }},
		{"Due", func(ctx context.Context) error { return errorOf(tr.Due(ctx, "remind", "1")) }},
		{"Delete", func(ctx context.Context) error { return errorOf(tr.Delete(ctx, "remind", "1")) }},
		{"DeleteAll", func(ctx context.Context) error { return errorOf(tr.DeleteAll(ctx, "2")) }},
	}
}

func listenerCalls(t *testing.T, p *pool.Pools) []permittedCall {
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	return []permittedCall{
		{"SetPayload", func(ctx context.Context) error { return tr.SetPayload(ctx, "remind", "1", "hello", time.Millisecond) }},
		{"Set another", func(ctx context.Context) error { return tr.SetPayload(ctx, "fail", "1", "hello", time.Millisecond) }},
		{"Set a later one", func(ctx context.Context) error { return tr.Set(ctx, "remind", "later", time.Hour) }},
		{"leftovers of other listeners", func(ctx context.Context) error {
			c, err := p.Client(pool.Expiry)
			if err != nil {
				return err
			}
			many := c.B().Zadd().Key("%exp:due:remind").ScoreMember() // more than one script reads, of deleted triggers
			for i := range 1100 {
				many = many.ScoreMember(float64(time.Now().Add(-time.Second).UnixMilli()), fmt.Sprintf("acme:EXPTRIGGER:remind:gone%d", i))
			}
			return errors.Join( // the lock of another sweep, a trigger whose key has expired, and an invalid due time
				c.Do(ctx, many.Build()).Error(),
				c.Do(ctx, c.B().Set().Key("%exp:sweeping:remind").Value("other").Px(20*time.Millisecond).Build()).Error(),
				c.Do(ctx, c.B().Zadd().Key("%exp:due:remind").ScoreMember().ScoreMember(1, "acme:EXPTRIGGER:remind:9").Build()).Error(),
				c.Do(ctx, c.B().Zadd().Key("%exp:due:fail").ScoreMember().ScoreMember(-1, "acme:EXPTRIGGER:fail:8").Build()).Error())
		}},
		{"Run", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			log := &watchedLog{onLine: func(line string) {
				if strings.Contains(line, "a call to Redis failed") && strings.Contains(line, symphony.ErrNoPermission.Error()) {
					cancel()
				}
			}}
			registry := expiry.NewRegistry()
			require.NoError(t, registry.On("remind", func(context.Context, expiry.Event) error { return nil }))
			require.NoError(t, registry.On("fail", func(context.Context, expiry.Event) error { return errors.New("poison") }))
			l, err := expiry.NewListener(p, registry, expiry.Config{
				Logger: slog.New(slog.NewTextHandler(log, nil)), MaxAttempts: 2, Lease: 100 * time.Millisecond,
				Backoff: func(int, error) time.Duration { return time.Millisecond }, StopTimeout: time.Second, Sweep: 10 * time.Millisecond,
				DeadLimit: 10, DeadFor: time.Hour, PerTenant: 4,
			})
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx) }()
			var dead []expiry.Event
			var failed error
			for ; ctx.Err() == nil && len(dead) == 0 && failed == nil; time.Sleep(5 * time.Millisecond) {
				for e, err := range l.Dead(ctx) {
					if dead = append(dead, e); err != nil {
						failed = err
					}
				}
				if l.Stats().Succeeded == 0 {
					dead = nil
				}
			}
			for range 2 { // the first of these sweeps may have begun before there was a dead letter
				forgetSweeps(ctx, p, "remind", "fail")
				for ; ctx.Err() == nil && failed == nil && !swept(ctx, p, "remind", "fail"); time.Sleep(5 * time.Millisecond) {
				}
			}
			if failed == nil && len(dead) > 0 {
				failed = l.Retry(ctx, dead[0])
			}
			for dead = nil; ctx.Err() == nil && len(dead) == 0 && failed == nil; time.Sleep(5 * time.Millisecond) {
				for e, err := range l.Dead(ctx) {
					if dead = append(dead, e); err != nil {
						failed = err
					}
				}
			}
			if failed == nil && len(dead) > 0 {
				failed = l.Discard(ctx, dead[0])
			}
			cancel()
			err = <-done
			for _, e := range []error{failed, err} {
				if errors.Is(e, symphony.ErrNoPermission) {
					return e
				}
			}
			if text := log.firstLine("a call to Redis failed"); strings.Contains(text, symphony.ErrNoPermission.Error()) {
				return fmt.Errorf("%w: %s", symphony.ErrNoPermission, text)
			}
			if len(dead) == 0 {
				return fmt.Errorf("the listener did not handle both triggers: %+v", l.Stats())
			}
			return err
		}},
	}
}

// forgetSweeps makes swept wait for another sweep.
func forgetSweeps(ctx context.Context, p *pool.Pools, actions ...string) {
	c, err := p.Client(pool.Expiry)
	for _, action := range actions {
		if err == nil {
			_ = c.Do(ctx, c.B().Del().Key("%exp:swept:"+action).Build()).Error() // without the permission, the listener fails too
		}
	}
}

// swept reports whether the listener has swept the schedules of the actions.
func swept(ctx context.Context, p *pool.Pools, actions ...string) bool {
	c, err := p.Client(pool.Expiry)
	for _, action := range actions {
		err = errors.Join(err, c.Do(ctx, c.B().Get().Key("%exp:swept:"+action).Build()).Error())
	}
	return err == nil
}

func cachedReadCalls(t *testing.T, p *pool.Pools) []permittedCall {
	users, err := symphony.NewUser[plainRecord](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	g, err := symphony.NewGeneric[string](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	return []permittedCall{
		{"Upsert", func(ctx context.Context) error { return users.Upsert(ctx, "1", plainRecord{N: 1}) }},
		{"Get", func(ctx context.Context) error { return errorOf(users.Get(ctx, "1")) }},
		{"Get zero", func(ctx context.Context) error { _, err := users.Get(ctx, "none"); return ignoreNotFound(err) }},
		{"Set", func(ctx context.Context) error { return g.Set(ctx, "1", "a") }},
		{"Get a value", func(ctx context.Context) error { return errorOf(g.Get(ctx, "1")) }},
		{"Get twice", func(ctx context.Context) error {
			return errors.Join(errorOf(users.Get(ctx, "1")), errorOf(g.Get(ctx, "1")))
		}},
		{"hits", func(ctx context.Context) error {
			if s := p.Stats(); s[pool.User].CacheHits+s[pool.Default].CacheHits == 0 {
				return errors.New("nothing was cached")
			}
			return nil
		}},
	}
}

// indexedRecord is a record with indexes, and a field that was renamed.
type indexedRecord struct {
	Email string `redis:"email,unique"`
	Age   int64  `redis:"age,index"`
	Title string `redis:"title,was=name"`
}

func indexCalls(t *testing.T, p *pool.Pools) []permittedCall {
	users, err := symphony.NewUser[indexedRecord](p, "acme")
	require.NoError(t, err)
	r := users.HashRepo
	age := hashrepo.NumberOf(func(v *indexedRecord) *int64 { return &v.Age })
	page := func(order hashrepo.Order[indexedRecord]) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			return errorOf(r.Page(ctx, hashrepo.Query[indexedRecord]{Order: order, Limit: 1}))
		}
	}
	return []permittedCall{
		{"Upsert", func(ctx context.Context) error { return r.Upsert(ctx, "1", indexedRecord{"a@x", 1, "A"}) }},
		{"Upsert another", func(ctx context.Context) error { return r.Upsert(ctx, "2", indexedRecord{"b@x", 2, "B"}) }},
		{"Upsert again", func(ctx context.Context) error { return r.Upsert(ctx, "2", indexedRecord{"c@x", 3, "B"}) }},
		{"Reindex", func(ctx context.Context) (err error) {
			for _, e := range r.Reindex(ctx) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Update", func(ctx context.Context) error { return r.Update(ctx, "1", age.Add(1)) }},
		{"Touch", func(ctx context.Context) error { return errorOf(r.Touch(ctx, "1")) }},
		{"Find", func(ctx context.Context) (err error) {
			for _, e := range r.Find(ctx, age.AtLeast(1)) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Count", func(ctx context.Context) error { return errorOf(r.Count(ctx)) }},
		{"Count some", func(ctx context.Context) error { return errorOf(r.Count(ctx, age.AtLeast(1))) }},
		{"Page", page(hashrepo.Order[indexedRecord]{})},
		{"Page in order", page(age.Asc())},
		{"Page in descending order", page(age.Desc())},
		{"Sweep", func(ctx context.Context) error { return errorOf(r.Sweep(ctx)) }},
		{"Delete", func(ctx context.Context) error { return errorOf(r.Delete(ctx, "1")) }},
		{"DeleteAll", func(ctx context.Context) error { return errorOf(r.DeleteAll(ctx)) }},
	}
}

// tenantCalls are calls of what moves or removes a tenant, which has something
// of each Redis type.
func tenantCalls(t *testing.T, p *pool.Pools) []permittedCall {
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	var export bytes.Buffer
	return []permittedCall{
		{"records", func(ctx context.Context) error {
			for alias, commands := range map[pool.Alias][]string{
				pool.User:    {"HSET acme:user:1 name Ann"},
				pool.Default: {"SET acme:text x PX 3600000", "RPUSH acme:list x", "SADD acme:set x", "ZADD acme:zset 1 x"},
			} {
				c, err := p.Client(alias)
				if err != nil {
					return err
				}
				for _, command := range commands {
					if err := c.Do(ctx, c.B().Arbitrary(strings.Fields(command)...).Build()).Error(); err != nil {
						if strings.HasPrefix(err.Error(), "NOPERM") {
							err = fmt.Errorf("%w: %w", symphony.ErrNoPermission, err)
						}
						return err
					}
				}
			}
			return nil
		}},
		{"Enqueue", func(ctx context.Context) error { return errorOf(b.Enqueue(ctx, chatQueue, "a", "b", "c", "d")) }},
		{"a dead letter", func(ctx context.Context) error {
			return ignoreWorkError(b.With(symphony.MaxAttempts(1)).Process(ctx, chatQueue, 1, failItems))
		}},
		{"an item that waits", func(ctx context.Context) error { return ignoreWorkError(b.Process(ctx, chatQueue, 1, failItems)) }},
		{"Claim", func(ctx context.Context) error { return errorOf(b.Claim(ctx, chatQueue, 1, time.Hour)) }},
		{"SetPayload", func(ctx context.Context) error { return tr.SetPayload(ctx, "remind", "1", "hello", time.Hour) }},
		{"a firing that waits", func(ctx context.Context) error {
			c, err := p.Client(pool.Expiry)
			if err != nil {
				return err
			}
			firing := "1|acme:EXPTRIGGER:remind:9"
			_ = c.Do(ctx, c.B().Hset().Key("%exp:status:remind").FieldValue().FieldValue(firing, "1 1 0 1 later").Build())
			_ = c.Do(ctx, c.B().Zadd().Key("%exp:active:remind").ScoreMember().ScoreMember(9e12, firing).Build())
			return nil
		}},
		{"a feed", func(ctx context.Context) error {
			c, err := p.Client(pool.PubSub)
			if err != nil {
				return err
			}
			err = c.Do(ctx, c.B().Xadd().Key("acme:feed:answers:a1").Id("1-1000000000000000001").FieldValue().FieldValue("1790000000000", "1").Build()).Error()
			if err != nil {
				err = fmt.Errorf("%w: %w", symphony.ErrNoPermission, err)
			}
			return err
		}},
		{"Tenants", func(ctx context.Context) (err error) {
			for _, e := range symphony.Tenants(ctx, p) {
				err = errors.Join(err, e)
			}
			return err
		}},
		{"Export", func(ctx context.Context) error { return symphony.Export(ctx, p, "acme", &export) }},
		{"Erase", func(ctx context.Context) error { return errorOf(symphony.Erase(ctx, p, "acme")) }},
		{"Import", func(ctx context.Context) error { return symphony.Import(ctx, p, &export) }},
	}
}

func feedCalls(t *testing.T, p *pool.Pools) []permittedCall {
	f, err := symphony.NewFeed[int](p, "acme", "answers")
	require.NoError(t, err)
	return []permittedCall{
		{"Append", func(ctx context.Context) error { return errorOf(f.Append(ctx, "a1", 1, 2)) }},
		{"Append KeepTTL", func(ctx context.Context) error { return errorOf(f.With(symphony.KeepTTL()).Append(ctx, "a1", 3)) }},
		{"Append NoTTL", func(ctx context.Context) error { return errorOf(f.With(symphony.NoTTL()).Append(ctx, "a1", 4)) }},
		{"Append of nothing", func(ctx context.Context) error { return errorOf(f.Append(ctx, "a1")) }},
		{"Read", func(ctx context.Context) error { return errorOf(f.Read(ctx, "a1", "", 9)) }},
		{"Len", func(ctx context.Context) error { return errorOf(f.Len(ctx, "a1")) }},
		{"Exists", func(ctx context.Context) error { return errorOf(f.Exists(ctx, "a1")) }},
		{"TTL", func(ctx context.Context) error { return errorOf(f.TTL(ctx, "a1")) }},
		{"Touch", func(ctx context.Context) error { return errorOf(f.Touch(ctx, "a1")) }},
		{"End", func(ctx context.Context) error { return f.End(ctx, "a1") }},
		{"Ended", func(ctx context.Context) error { return errorOf(f.Ended(ctx, "a1")) }},
		{"Follow", func(ctx context.Context) error { return firstError(f.Follow(ctx, "a1", "")) }},
		{"Delete", func(ctx context.Context) error { return errorOf(f.Delete(ctx, "a1")) }},
	}
}

func topicCalls(t *testing.T, p *pool.Pools) []permittedCall {
	topic, err := symphony.NewTopic[int](p, "acme", "news")
	require.NoError(t, err)
	return []permittedCall{
		{"Publish", func(ctx context.Context) error { return errorOf(topic.Publish(ctx, 1)) }},
		{"Subscribe", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				for n := int64(0); n == 0 && ctx.Err() == nil; {
					n, _ = topic.Publish(ctx, 1)
				}
			}()
			for _, err := range topic.Subscribe(ctx) {
				return err
			}
			return nil
		}},
	}
}

var (
	errBroken  = errors.New("the handler failed")
	errNoItems = errors.New("no items were claimed")
)

func failItems(context.Context, []listrepo.Item[string]) error { return errBroken }

func ignoreWorkError(_ int, err error) error {
	if errors.Is(err, errBroken) && !errors.Is(err, symphony.ErrNoPermission) {
		return nil
	}
	return err
}

// watchedLog is a log that calls onLine for each line.
type watchedLog struct {
	mu     sync.Mutex
	b      bytes.Buffer
	onLine func(line string)
}

func (l *watchedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	n, err := l.b.Write(b)
	l.mu.Unlock()
	l.onLine(string(b))
	return n, err
}

// firstLine returns the first line that contains the substring.
func (l *watchedLog) firstLine(substring string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, substring) {
			return line
		}
	}
	return ""
}

// permissionRow is a row of the table in docs/security.md.
type permissionRow struct {
	commands, keys, channels []string
	beside                   []string // kinds of keys beside the records
}

// rulesBeside returns the rules of the keys of a kind beside the records with a
// rule, as the text below the table says.
func rulesBeside(records, kind string) []string {
	records = strings.TrimPrefix(records, "~")
	return []string{"~%" + kind + ":{" + records, "~%" + kind + ":" + records, "~%" + kind + "%:{???}" + records}
}

// documentedPermissions reads the rows of docs/security.md that have calls in
// callsByRow.
func documentedPermissions(t *testing.T) map[string]permissionRow {
	t.Helper()
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	code := regexp.MustCompile("`([^`]+)`")
	rows := map[string]permissionRow{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) < 6 {
			continue
		}
		name := strings.Trim(cells[1], " `")
		if _, known := callsByRow[name]; !known {
			continue
		}
		list := func(cell string) (all []string) {
			for _, found := range code.FindAllStringSubmatch(cell, -1) {
				all = append(all, strings.Fields(strings.ReplaceAll(found[1], "\x00", "|"))...)
			}
			return all
		}
		row := permissionRow{commands: list(cells[2]), channels: list(cells[4])}
		for _, text := range list(cells[3]) {
			if strings.HasPrefix(text, "~") {
				row.keys = append(row.keys, text)
			} else {
				row.beside = append(row.beside, text)
			}
		}
		rows[name] = row
	}
	return rows
}

// The table in docs/security.md has the commands that pools.Report checks, and
// the keys and channels of keyspace.Layout.ACL.
func TestReportChecksTheDocumentedCommands(t *testing.T) {
	documented := documentedPermissions(t)
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	require.Len(t, rights.Rows, len(documented))
	for _, row := range rights.Rows {
		require.Equal(t, documented[row.Name].commands, row.Commands, row.Name)
		require.Equal(t, documented[row.Name].beside, row.Beside, row.Name)
		for _, rule := range slices.Concat(row.Optional, row.Cluster, row.Newer, row.Python) {
			isNamed := regexp.MustCompile("`[^`]*" + regexp.QuoteMeta(rule) + "[ \n`]").MatchString(strings.ReplaceAll(string(text), `\|`, "|"))
			require.True(t, isNamed, "%s is optional for %s, and docs/security.md does not name it", rule, row.Name)
		}
	}
}

// The rules of keyspace.Layout.ACL are those of the table in docs/security.md.
func TestACLHasTheDocumentedRules(t *testing.T) {
	for name, row := range documentedPermissions(t) {
		features := []keyspace.ACLOption{keyspace.Feature(name)}
		if name == "pool.Open" || name == "tenants" || slices.Contains([]string{"WorkBatches", "Listener"}, name) {
			continue // these have no keys of one tenant
		}
		wanted := slices.Clone(row.keys)
		records := "~acme:user:*"
		if name == "indexes" {
			features, wanted = append(features, keyspace.ACLUser), append(wanted, records)
		} else if len(row.keys) > 0 {
			records = row.keys[0]
		}
		for _, kind := range row.beside {
			wanted = append(wanted, rulesBeside(records, kind)...)
		}
		var keys []string
		rules := keyspace.Default().ACL("acme", features...)
		for _, rule := range rules {
			if strings.HasPrefix(rule, "~") {
				keys = append(keys, rule)
			}
		}
		require.ElementsMatch(t, wanted, keys, name)
		require.Subset(t, rules, row.commands, name)
		require.Subset(t, rules, row.channels, name)
	}
}

// permissionServer is a server with a user whose permissions are taken from
// the rows.
type permissionServer struct {
	t     *testing.T
	s     *redistest.Instance
	admin rueidis.Client
	rows  map[string]permissionRow
}

// grant empties the server and gives the user the permissions of the named
// rows, except one.
func (g *permissionServer) grant(without string, names ...string) {
	g.t.Helper()
	rules := []string{"ACL", "SETUSER", "joe", "reset", "on", ">joe"}
	for _, name := range names {
		row := g.rows[name]
		records := "~acme:user:*" // of indexes
		if len(row.keys) > 0 && name != "indexes" {
			records = row.keys[0]
		}
		for _, rule := range slices.Concat(row.commands, row.keys, row.channels) {
			if rule != without {
				rules = append(rules, rule)
			}
		}
		for _, kind := range row.beside {
			if kind != without {
				rules = append(rules, rulesBeside(records, kind)...)
			}
		}
	}
	if slices.Contains(rules, "~*") { // Redis refuses patterns beside it
		rules = slices.DeleteFunc(rules, func(rule string) bool { return strings.HasPrefix(rule, "~") && rule != "~*" })
	}
	for _, args := range [][]string{{"FLUSHALL"}, {"SCRIPT", "FLUSH"}, rules} {
		require.NoError(g.t, g.admin.Do(g.t.Context(), g.admin.B().Arbitrary(args...).Build()).Error())
	}
}

// run makes the calls of a row until one fails, and returns the name and error
// of that call.
func (g *permissionServer) run(name string) (step string, err error) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 30*time.Second)
	defer cancel()
	p, err := pool.Open(ctx, pool.Config{
		URL: strings.Replace(g.s.URL(), "//", "//joe:joe@", 1), Logger: slog.New(slog.DiscardHandler), Observer: pooltest.Origin("origin"),
	})
	if err != nil {
		return "Open", err
	}
	defer p.Close()
	for _, s := range callsByRow[name](g.t, p) {
		before := g.digest()
		err := s.call(ctx) // not checked for Ack: it has two commands, and the second may be refused
		var op *symphony.OpError
		if errors.As(err, &op) && !op.MaybeApplied() && !slices.Contains([]string{"Run", "WorkBatches", "Ack"}, s.name) {
			require.Equal(g.t, before, g.digest(), "%s: MaybeApplied is false (%v), but the data changed", s.name, err)
		}
		if err != nil {
			return s.name, err
		}
	}
	return "", nil
}

// digest returns a hash of all data on the server.
func (g *permissionServer) digest() string {
	text, err := g.admin.Do(g.t.Context(), g.admin.B().Arbitrary("DEBUG", "DIGEST").Build()).ToString()
	require.NoError(g.t, err)
	return text
}

func newPermissionServer(t *testing.T) *permissionServer {
	s := redistest.Server(t, "enable-debug-command yes", "acl-pubsub-default resetchannels")
	g := &permissionServer{t, s, s.Client(t, 0), documentedPermissions(t)}
	for name := range callsByRow {
		require.NotEmpty(t, g.rows[name].commands, "docs/security.md has no row for %s", name)
	}
	return g
}

// unusedKinds are kinds of keys that only a large claim that expired has, and
// kinds without which a claim works with less.
var unusedKinds = []string{"rest-?????????????", "claimed-origins"}

// requiredRows has the rows that must be granted together with a row.
var requiredRows = map[string][]string{
	"WorkBatches":  {"Batch"},
	"Listener":     {"Trigger"},
	"cached reads": {"User", "Generic"},
	"indexes":      {"User"},
	"tenants":      {"Batch", "Trigger"},
}

// The permissions in docs/security.md are sufficient for each row. Each of
// them is necessary: without it, a call returns ErrNoPermission and names it.
func TestDocumentedPermissions(t *testing.T) {
	g := newPermissionServer(t)
	for name := range callsByRow {
		t.Run(name, func(t *testing.T) {
			g.t = t
			rows := append([]string{"pool.Open", name}, requiredRows[name]...)
			g.grant("", rows...)
			step, err := g.run(name)
			require.NoError(t, err, "%s failed with all documented permissions", step)
			row := g.rows[name]
			for _, permission := range slices.Concat(row.commands, row.keys, row.channels, row.beside) {
				if slices.Contains(unusedKinds, permission) {
					continue
				}
				g.grant(permission, rows...)
				step, err := g.run(name)
				if name == "cached reads" && slices.Contains([]string{"+client|tracking", "+client|caching"}, permission) {
					require.ErrorContains(t, err, "nothing was cached", permission)
					continue
				}
				require.ErrorIs(t, err, symphony.ErrNoPermission, "without %s, at %s", permission, step)
				if permission != "+rpush" && strings.HasPrefix(permission, "+") { // push.lua passes the command in a variable, so the server does not name it
					require.Contains(t, strings.ToLower(err.Error()), permission[1:], "at %s", step)
				}
			}
		})
	}
}
