package systemtest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// operation is a call of a method that sends commands.
type operation struct {
	name string
	kind operationKind
	call func(ctx context.Context) error
}

type operationKind int

const (
	read operationKind = iota
	write
	retriedWrite // a write that the client sends again when its connection breaks
)

// repositories has one repository of each type, all of one tenant.
type repositories struct {
	pools    *pool.Pools
	users    *symphony.User[counter]
	rows     *symphony.Table[versionedCounter]
	states   *symphony.StateHandler[counter]
	shared   *symphony.SharedState
	batch    *symphony.Batch[int]
	triggers *symphony.Trigger
	limits   *symphony.Limiter
	generic  *symphony.Generic[int]
	list     *listrepo.ListRepo[int]
	feeds    *symphony.Feed[int]
	topic    *symphony.Topic[int]
}

func newRepositories(t *testing.T, p *pool.Pools) *repositories {
	t.Helper()
	const tenant = "calls"
	space, err := keyspace.MustCompile("{tenant}:list:{id}").Bind(tenant)
	require.NoError(t, err)
	r := &repositories{pools: p}
	r.users, err = symphony.NewUser[counter](p, tenant)
	require.NoError(t, err)
	r.rows, err = symphony.NewTable[versionedCounter](p, tenant, "rows")
	require.NoError(t, err)
	r.states, err = symphony.NewStateHandler[counter](p, tenant, "chat")
	require.NoError(t, err)
	r.shared, err = symphony.NewSharedState(p, tenant, "u")
	require.NoError(t, err)
	r.batch, err = symphony.NewBatch[int](p, tenant)
	require.NoError(t, err)
	r.triggers, err = symphony.NewTrigger(p, tenant)
	require.NoError(t, err)
	r.limits, err = symphony.NewLimiter(p, tenant, symphony.Rate{Limit: 1_000_000, Per: time.Second})
	require.NoError(t, err)
	r.generic, err = symphony.NewGeneric[int](p, tenant)
	require.NoError(t, err)
	r.list, err = listrepo.New[int](p, pool.Handlers, space)
	require.NoError(t, err)
	r.feeds, err = symphony.NewFeed[int](p, tenant, "answers")
	require.NoError(t, err)
	r.topic, err = symphony.NewTopic[int](p, tenant, "news")
	require.NoError(t, err)
	return r
}

// fill writes the records that the operations work on. It tries again until the
// connections are usable.
func (r *repositories) fill(t *testing.T) {
	t.Helper()
	openConnections(t, r.pools)
	requireEventually(t, func() bool { return r.writeRecords() == nil }, "the records cannot be written")
}

func (r *repositories) writeRecords() error {
	one := counter{Count: 1}
	emptyQueue := symphony.Queue{Service: "idle", Entity: "e", Action: "a"}
	return errors.Join(
		errorOf(r.rows.Delete(ctx, "v")),
		r.rows.Upsert(ctx, "v", versionedCounter{}),
		r.users.UpsertMany(ctx, hashrepo.Record[counter]{ID: "u", Value: one}, hashrepo.Record[counter]{ID: "gone", Value: one}),
		r.states.Upsert(ctx, "u", one),
		r.shared.Upsert(ctx, "s", symphony.Fields{"a": 1}),
		r.generic.Set(ctx, "k", 1),
		errorOf(r.list.Delete(ctx, "l")),
		errorOf(r.list.Push(ctx, "l", 1, 2, 3)),
		r.triggers.Set(ctx, "x", "1", time.Hour),
		errorOf(r.feeds.Append(ctx, "f", 1)),
		errorOf(r.feeds.Delete(ctx, "ended")),
		errorOf(r.feeds.Append(ctx, "ended", 1)),
		// The tenant is pending without items, so RemoveFromPending has
		// something to do.
		errorOf(r.batch.Enqueue(ctx, emptyQueue, 1)),
		r.batch.Trim(ctx, emptyQueue, 1, 0),
	)
}

// operations returns an operation for each method that sends commands.
func (r *repositories) operations() []operation {
	return slices.Concat(r.hashOperations(), r.sharedStateOperations(), r.genericOperations(), r.listOperations(),
		r.triggerOperations(), r.batchOperations(), r.feedOperations())
}

func (r *repositories) feedOperations() []operation {
	return []operation{
		{"feed Read", read, func(ctx context.Context) error { return errorOf(r.feeds.Read(ctx, "f", "", 1)) }},
		{"feed Follow", read, func(ctx context.Context) error {
			for _, err := range r.feeds.Follow(ctx, "f", "") {
				return err
			}
			return nil
		}},
		{"feed Len", read, func(ctx context.Context) error { return errorOf(r.feeds.Len(ctx, "f")) }},
		{"feed Ended", read, func(ctx context.Context) error { return errorOf(r.feeds.Ended(ctx, "f")) }},
		{"feed Append", write, func(ctx context.Context) error { return errorOf(r.feeds.Append(ctx, "f", 2, 3)) }},
		{"feed End", write, func(ctx context.Context) error { return r.feeds.End(ctx, "ended") }},
		{"feed Touch", write, func(ctx context.Context) error { return errorOf(r.feeds.Touch(ctx, "f")) }},
		{"feed Delete", write, func(ctx context.Context) error { return errorOf(r.feeds.Delete(ctx, "f")) }},
		{"topic Publish", write, func(ctx context.Context) error { return errorOf(r.topic.Publish(ctx, 1)) }},
	}
}

func (r *repositories) hashOperations() []operation {
	return []operation{
		{"hash Get", read, func(ctx context.Context) error { return errorOf(r.users.Get(ctx, "u")) }},
		{"hash GetMany", read, func(ctx context.Context) error { return errorOf(r.users.GetMany(ctx, "u", "x")) }},
		{"hash All", read, func(ctx context.Context) error { return firstError(r.users.All(ctx)) }},
		{"hash FindOne", read, func(ctx context.Context) error { return errorOf(r.users.FindOne(ctx, countField.Eq(77))) }},
		{"hash Exists", read, func(ctx context.Context) error { return errorOf(r.users.Exists(ctx, "u")) }},
		{"hash TTL", read, func(ctx context.Context) error { return errorOf(r.users.TTL(ctx, "u")) }},
		{"hash GetField", read, func(ctx context.Context) error { var n int64; return r.users.GetField(ctx, "u", "count", &n) }},
		{"hash Upsert", write, func(ctx context.Context) error { return r.users.Upsert(ctx, "u", counter{Count: 1}) }},
		{"hash Upsert KeepTTL", write, func(ctx context.Context) error {
			return r.users.With(symphony.KeepTTL()).Upsert(ctx, "u", counter{Count: 1})
		}},
		{"hash UpsertMany", write, func(ctx context.Context) error {
			return r.users.UpsertMany(ctx, hashrepo.Record[counter]{ID: "u", Value: counter{Count: 1}})
		}},
		{"hash Replace", write, func(ctx context.Context) error { return r.users.Replace(ctx, "u", counter{Count: 1}) }},
		{"hash Update set", write, func(ctx context.Context) error { return r.users.Update(ctx, "u", countField.Set(1)) }},
		{"hash Update add", write, func(ctx context.Context) error { return r.users.Update(ctx, "u", countField.Add(1)) }},
		{"hash Merge", write, func(ctx context.Context) error { return errorOf(r.users.Merge(ctx, "u", countField.Add(1))) }},
		{"hash Mutate", write, func(ctx context.Context) error {
			return errorOf(r.users.Mutate(ctx, "u", func(t *counter) error { t.Count++; return nil }))
		}},
		{"hash UpdateField", write, func(ctx context.Context) error { return r.users.UpdateField(ctx, "u", "count", 2) }},
		{"hash IncrementField", write, func(ctx context.Context) error { return errorOf(r.users.IncrementField(ctx, "u", "count", 1)) }},
		{"hash AppendToList", write, func(ctx context.Context) error { return r.users.AppendToList(ctx, "u", "marks", 1) }},
		{"hash DeleteField", write, func(ctx context.Context) error { return errorOf(r.users.DeleteField(ctx, "u", "marks")) }},
		{"hash Touch", write, func(ctx context.Context) error { return errorOf(r.users.Touch(ctx, "u")) }},
		{"hash Delete", write, func(ctx context.Context) error { return errorOf(r.users.Delete(ctx, "u", "gone")) }},
		{"hash Delete IfVersion", write, func(ctx context.Context) error { return errorOf(r.rows.With(symphony.IfVersion(1)).Delete(ctx, "v")) }},
		{"hash DeleteAll", write, func(ctx context.Context) error { return errorOf(r.users.DeleteAll(ctx)) }},
		{"state Merge", write, func(ctx context.Context) error { return errorOf(r.states.Merge(ctx, "u", countField.Add(1))) }},
	}
}

func (r *repositories) sharedStateOperations() []operation {
	return []operation{
		{"shared Get", read, func(ctx context.Context) error { return errorOf(r.shared.Get(ctx, "s")) }},
		{"shared States", read, func(ctx context.Context) error { return errorOf(r.shared.States(ctx)) }},
		{"shared Upsert", write, func(ctx context.Context) error { return r.shared.Upsert(ctx, "s", symphony.Fields{"a": 2}) }},
		{"shared UpdateField", write, func(ctx context.Context) error { return r.shared.UpdateField(ctx, "s", "a", 3) }},
	}
}

func (r *repositories) genericOperations() []operation {
	return []operation{
		{"kv Get", read, func(ctx context.Context) error { return errorOf(r.generic.Get(ctx, "k")) }},
		{"kv GetMany", read, func(ctx context.Context) error { return errorOf(r.generic.GetMany(ctx, "k", "x")) }},
		{"kv IDs", read, func(ctx context.Context) error { return firstError(r.generic.IDs(ctx)) }},
		{"kv Set", write, func(ctx context.Context) error { return r.generic.Set(ctx, "k", 2) }},
		{"kv SetMany", write, func(ctx context.Context) error { return r.generic.SetMany(ctx, kvrepo.Record[int]{ID: "k", Value: 3}) }},
		{"kv Swap", write, func(ctx context.Context) error { _, _, err := r.generic.Swap(ctx, "k", 4); return err }},
		{"kv Swap KeepTTL", write, func(ctx context.Context) error {
			_, _, err := r.generic.With(symphony.KeepTTL()).Swap(ctx, "k", 4)
			return err
		}},
		{"kv Mutate", write, func(ctx context.Context) error {
			return errorOf(r.generic.Mutate(ctx, "k", func(n *int) error { *n++; return nil }))
		}},
		{"kv Delete", write, func(ctx context.Context) error { return errorOf(r.generic.Delete(ctx, "k")) }},
		{"kv GetOrLoad", read, func(ctx context.Context) error {
			return errorOf(r.generic.GetOrLoad(ctx, "loaded", func(context.Context) (int, error) { return 0, errors.New("not loaded") }))
		}},
	}
}

func (r *repositories) listOperations() []operation {
	ordered := []listrepo.Option{listrepo.Serial(), listrepo.Quiet(time.Millisecond, time.Hour)}
	return []operation{
		{"list Range", read, func(ctx context.Context) error { return errorOf(r.list.Range(ctx, "l", 0, -1)) }},
		{"list Len", read, func(ctx context.Context) error { return errorOf(r.list.Len(ctx, "l")) }},
		{"list All", read, func(ctx context.Context) error { return firstError(r.list.All(ctx, "l")) }},
		{"list Push", write, func(ctx context.Context) error { return errorOf(r.list.Push(ctx, "l", 1)) }},
		{"list PushFront", write, func(ctx context.Context) error { return errorOf(r.list.PushFront(ctx, "l", 1)) }},
		{"list Push MaxLen", write, func(ctx context.Context) error { return errorOf(r.list.With(listrepo.MaxLen(99)).Push(ctx, "l", 1)) }},
		{"list Push in order", write, func(ctx context.Context) error { return errorOf(r.list.With(ordered...).Push(ctx, "l", 1)) }},
		{"list PutOff", write, func(ctx context.Context) error { return r.list.With(ordered...).PutOff(ctx, "l") }},
		{"list Pop", write, func(ctx context.Context) error { return errorOf(r.list.Pop(ctx, "l", 1)) }},
		{"list Claim", write, func(ctx context.Context) error { return errorOf(r.list.Claim(ctx, "l", 1, time.Minute)) }},
		{"list Trim", write, func(ctx context.Context) error { return r.list.Trim(ctx, "l", 0, 1) }},
		{"list Delete", write, func(ctx context.Context) error { return errorOf(r.list.Delete(ctx, "l")) }},
	}
}

func (r *repositories) triggerOperations() []operation {
	return []operation{
		{"trigger Due", read, func(ctx context.Context) error { return errorOf(r.triggers.Due(ctx, "x", "1")) }},
		{"trigger Set", retriedWrite, func(ctx context.Context) error { return r.triggers.Set(ctx, "x", "1", time.Hour) }},
		{"trigger SetPayload", retriedWrite, func(ctx context.Context) error { return r.triggers.SetPayload(ctx, "x", "1", 1, time.Hour) }},
		{"trigger SetAt", retriedWrite, func(ctx context.Context) error { return r.triggers.SetAt(ctx, "x", "1", time.Now().Add(time.Hour)) }},
		{"trigger SetPayloadEvery", retriedWrite, func(ctx context.Context) error { return r.triggers.SetPayloadEvery(ctx, "x", "1", 1, time.Hour) }},
		{"trigger Rule", read, func(ctx context.Context) error { return errorOf(r.triggers.Rule(ctx, "x", "1")) }},
		{"trigger SetCron", retriedWrite, func(ctx context.Context) error { return r.triggers.SetCron(ctx, "x", "1", "@daily", "") }},
		{"trigger Debounce", retriedWrite, func(ctx context.Context) error { return r.triggers.Debounce(ctx, "x", "1", time.Hour, time.Hour) }},
		{"trigger Delete", retriedWrite, func(ctx context.Context) error { return errorOf(r.triggers.Delete(ctx, "x", "1")) }},
		{"trigger DeleteAll", retriedWrite, func(ctx context.Context) error { return errorOf(r.triggers.DeleteAll(ctx, "1")) }},
	}
}

func (r *repositories) batchOperations() []operation {
	return []operation{
		{"batch Enqueue", write, func(ctx context.Context) error { return errorOf(r.batch.Enqueue(ctx, queue, 1)) }},
		{"batch Backlog", read, func(ctx context.Context) error { return errorOf(r.batch.Backlog(ctx, queue)) }},
		{"batch Claim", write, func(ctx context.Context) error { return errorOf(r.batch.Claim(ctx, queue, 1, time.Second)) }},
		{"batch Process", write, func(ctx context.Context) error {
			return errorOf(r.batch.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[int]) error { return nil }))
		}},
		{"limiter Take", write, func(ctx context.Context) error { return errorOf(r.limits.Take(ctx, "calls", 1)) }},
		{"PendingTenants", read, func(ctx context.Context) error { return errorOf(symphony.PendingTenants(ctx, r.pools, "idle")) }},
		{"RemoveFromPending", write, func(ctx context.Context) error {
			return errorOf(symphony.RemoveFromPending(ctx, r.pools, "idle", "calls"))
		}},
		{"ForceRemoveFromPending", write, func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, r.pools, "idle", "calls") }},
	}
}

// errorOf returns the error of a call with two results.
func errorOf[T any](_ T, err error) error { return err }

// firstError returns the first error of an iteration.
func firstError[T any](items iter.Seq2[T, error]) error {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}
