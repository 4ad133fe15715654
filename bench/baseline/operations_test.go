//go:build !race

package baseline

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/wire"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// record has a field of each kind that a profile has.
type record struct {
	Name    string    `redis:"name"`
	Email   string    `redis:"email"`
	Bio     string    `redis:"bio"`
	Score   int64     `redis:"score"`
	Ratio   float64   `redis:"ratio"`
	Active  bool      `redis:"active"`
	Tags    []string  `redis:"tags"`
	Created time.Time `redis:"created"`
}

var (
	email = hashrepo.FieldOf(func(r *record) *string { return &r.Email })
	score = hashrepo.NumberOf(func(r *record) *int64 { return &r.Score })
	tags  = hashrepo.ListOf(func(r *record) *[]string { return &r.Tags })

	sample = record{
		Name: "Alice Liddell", Email: "alice@example.com", Bio: "Curiouser and curiouser.", Score: 123456, Ratio: 0.75, Active: true,
		Tags: []string{"a", "b"}, Created: time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC),
	}
)

// bed is the repositories on one server.
type bed struct {
	users    *symphony.User[record]
	near     *symphony.User[record] // reads from memory
	indexed  *symphony.User[indexed]
	values   *symphony.Generic[record]
	states   *symphony.StateHandler[record]
	shared   *symphony.SharedState
	batch    *symphony.Batch[string]
	triggers *symphony.Trigger
	feeds    *symphony.Feed[string]
	pending  *pending.Set // of a service, as WorkBatches uses it
}

// newBed opens the repositories, with a counter in their connections if there
// is one: counting allocates, so that only round trips are measured with it.
func newBed(t *testing.T, counter *wire.Counter) *bed {
	t.Helper()
	cfg := pool.Config{URL: redistest.Server(t).URL(), Logger: slog.New(slog.DiscardHandler)}
	if counter != nil {
		cfg.NewClient = func(o rueidis.ClientOption) (rueidis.Client, error) {
			o.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
				conn, err := d.DialContext(ctx, "tcp", addr)
				if err != nil {
					return nil, err
				}
				return counter.Wrap(conn), nil
			}
			return rueidis.NewClient(o)
		}
	}
	pools, err := pool.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	b := &bed{}
	for _, err := range []error{
		made(&b.users)(symphony.NewUser[record](pools, "acme")),
		made(&b.near)(symphony.NewUser[record](pools, "acme", symphony.Cached(time.Hour))),
		made(&b.values)(symphony.NewGeneric[record](pools, "acme")),
		made(&b.states)(symphony.NewStateHandler[record](pools, "acme", "chat")),
		made(&b.shared)(symphony.NewSharedState(pools, "acme", "u1")),
		made(&b.batch)(symphony.NewBatch[string](pools, "acme")),
		made(&b.triggers)(symphony.NewTrigger(pools, "acme")),
		made(&b.feeds)(symphony.NewFeed[string](pools, "acme", "answers", symphony.KeepLast(200))),
		made(&b.pending)(newPending(pools, "idle")),
	} {
		require.NoError(t, err)
	}
	for _, r := range b.hundred() {
		require.NoError(t, b.users.Upsert(t.Context(), r.ID, r.Value))
		require.NoError(t, b.values.Set(t.Context(), r.ID, r.Value))
	}
	b.indexed = b.newIndexed(t, pools)
	require.NoError(t, b.shared.Upsert(t.Context(), "search", symphony.Fields{"query": "tea", "page": 3}))
	return b
}

func newPending(pools *pool.Pools, service string) (*pending.Set, error) {
	layout := keyspace.Default()
	sets, err := layout.PendingSet.Bind()
	if err != nil {
		return nil, err
	}
	s, err := store.New(pools, pool.Handlers, sets, store.Spec{Kind: store.Set})
	if err != nil {
		return nil, err
	}
	return pending.New(s, service, layout.BatchList), nil
}

func made[R any](into *R) func(R, error) error {
	return func(r R, err error) error {
		*into = r
		return err
	}
}

func (b *bed) hundred() []hashrepo.Record[record] {
	all := make([]hashrepo.Record[record], 100)
	for i := range all {
		all[i] = hashrepo.Record[record]{ID: strconv.Itoa(i), Value: sample}
		all[i].Value.Email = fmt.Sprintf("alice%d@example.com", i)
	}
	return all
}

// operation is what is measured. A heavy one is called fewer times.
type operation struct {
	name   string
	weight int
	call   func(context.Context) error
}

func (b *bed) operations() []operation {
	hundred := b.hundred()
	ids := make([]string, len(hundred))
	for i, r := range hundred {
		ids[i] = r.ID
	}
	return append([]operation{
		{"User.Get", 1, func(ctx context.Context) error { _, err := b.users.Get(ctx, "7"); return err }},
		{"User.Get, cached", 1, func(ctx context.Context) error { _, err := b.near.Get(ctx, "7"); return err }},
		{"User.GetMany of 100, cached", 100, func(ctx context.Context) error { _, err := b.near.GetMany(ctx, ids...); return err }},
		{"User.GetMany of 100", 100, func(ctx context.Context) error { _, err := b.users.GetMany(ctx, ids...); return err }},
		{"User.Find of 1 in 100", 100, func(ctx context.Context) error {
			_, err := b.users.FindOne(ctx, email.Eq("alice7@example.com"))
			return err
		}},
		{"User.Exists", 1, func(ctx context.Context) error { _, err := b.users.Exists(ctx, "7"); return err }},
		{"User.Upsert", 1, func(ctx context.Context) error { return b.users.Upsert(ctx, "w", sample) }},
		{"User.Upsert with KeepTTL", 1, func(ctx context.Context) error {
			return b.users.With(symphony.KeepTTL()).Upsert(ctx, "w", sample)
		}},
		{"User.UpsertMany of 100", 100, func(ctx context.Context) error { return b.users.UpsertMany(ctx, hundred...) }},
		{"User.Replace", 1, func(ctx context.Context) error { return b.users.Replace(ctx, "w", sample) }},
		{"User.Update, Set", 1, func(ctx context.Context) error { return b.users.Update(ctx, "w", email.Set("a@example.com")) }},
		{"User.Update, Set and Add", 1, func(ctx context.Context) error {
			return b.users.Update(ctx, "w", email.Set("a@example.com"), score.Add(1))
		}},
		{"User.Merge, Add", 1, func(ctx context.Context) error { _, err := b.users.Merge(ctx, "w", score.Add(1)); return err }},
		{"User.Update, Append", 1, func(ctx context.Context) error {
			return b.users.Update(ctx, "w", tags.Set(nil), tags.Append("c"))
		}},
		{"User.Mutate", 1, func(ctx context.Context) error {
			_, err := b.users.Mutate(ctx, "w", func(r *record) error { r.Score++; return nil })
			return err
		}},
		{"User.Delete", 1, func(ctx context.Context) error { _, err := b.users.Delete(ctx, "none"); return err }},
	}, append(b.indexes(), b.others(ids)...)...)
}

func (b *bed) others(ids []string) []operation {
	return append([]operation{
		{"StateHandler.Merge", 1, func(ctx context.Context) error {
			_, err := b.states.Merge(ctx, "u1", email.Set("a@example.com"))
			return err
		}},
		{"Generic.Get", 1, func(ctx context.Context) error { _, err := b.values.Get(ctx, "7"); return err }},
		{"Generic.GetMany of 100", 100, func(ctx context.Context) error { _, err := b.values.GetMany(ctx, ids...); return err }},
		{"Generic.Set", 1, func(ctx context.Context) error { return b.values.Set(ctx, "w", sample) }},
		{"SharedState.GetField", 1, func(ctx context.Context) error {
			var query string
			return b.shared.GetField(ctx, "search", "query", &query)
		}},
		{"SharedState.UpdateField", 1, func(ctx context.Context) error { return b.shared.UpdateField(ctx, "search", "page", 4) }},
		{"Trigger.Set", 1, func(ctx context.Context) error { return b.triggers.Set(ctx, "remind", "u1", time.Hour) }},
		{"Trigger.Set and Delete", 1, func(ctx context.Context) error {
			if err := b.triggers.Set(ctx, "remind", "u2", time.Hour); err != nil {
				return err
			}
			_, err := b.triggers.Delete(ctx, "remind", "u2")
			return err
		}},
	}, append(b.queues(), b.feedOperations()...)...)
}

// feedOperations are the operations on feeds.
func (b *bed) feedOperations() []operation {
	page := make([]string, 100)
	return []operation{
		{"Feed.Append", 1, func(ctx context.Context) error {
			_, err := b.feeds.Append(ctx, "a1", "x")
			return err
		}},
		{"Feed.Append of 100 and Read", 100, func(ctx context.Context) error {
			if _, err := b.feeds.Append(ctx, "a2", page...); err != nil {
				return err
			}
			entries, err := b.feeds.Read(ctx, "a2", "", len(page))
			if err == nil && len(entries) != len(page) {
				err = fmt.Errorf("%d entries were read", len(entries))
			}
			return err
		}},
	}
}

// queues are the operations on queues, each on a queue of its own.
func (b *bed) queues() []operation {
	of := func(entity string) symphony.Queue {
		return symphony.Queue{Service: "mail", Entity: entity, Action: "send"}
	}
	enqueue := func(batch *symphony.Batch[string], q symphony.Queue) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := batch.Enqueue(ctx, q, "x")
			return err
		}
	}
	process := func(batch *symphony.Batch[string], q symphony.Queue, n int) func(context.Context) error {
		items := make([]string, n)
		return func(ctx context.Context) error {
			if _, err := batch.Enqueue(ctx, q, items...); err != nil {
				return err
			}
			done, err := batch.Process(ctx, q, n, func(context.Context, []listrepo.Item[string]) error { return nil })
			if err == nil && done != n {
				err = fmt.Errorf("%d of %d items were handled", done, n)
			}
			return err
		}
	}
	serial, quiet := b.batch.With(symphony.Serial()), b.batch.With(symphony.Quiet(time.Hour, time.Hour))
	created := 0
	return []operation{
		{"WorkBatches, a look without work", 1, func(ctx context.Context) error {
			look, err := b.pending.Take(ctx, "WorkBatches", 16, pending.Sweeper{})
			if err == nil && len(look.Queues) > 0 {
				err = fmt.Errorf("%d queues have work", len(look.Queues))
			}
			return err
		}},
		{"Batch.Enqueue", 1, enqueue(b.batch, of("u2"))},
		{"Batch.Enqueue to a new queue", 1, func(ctx context.Context) error {
			created++
			_, err := b.batch.Enqueue(ctx, of("new"+strconv.Itoa(created)), "x")
			return err
		}},
		{"Batch.Enqueue, Serial", 1, enqueue(serial, of("u3"))},
		{"Batch.Enqueue, Quiet", 1, enqueue(quiet, of("u4"))},
		{"Batch.Enqueue and PutOff", 1, func(ctx context.Context) error {
			if _, err := quiet.Enqueue(ctx, of("u5"), "x"); err != nil {
				return err
			}
			return quiet.PutOff(ctx, of("u5"))
		}},
		{"Batch.Enqueue and Process of 1", 1, process(b.batch, of("u6"), 1)},
		{"Batch.Enqueue and Process, Serial", 1, process(serial, of("u7"), 1)},
		{"Batch.Enqueue and Process of 100", 100, process(b.batch, of("u1"), 100)},
	}
}
