// Quickstart uses each of the seven repositories and prints the keys as Redis
// stores them. It runs on an embedded server. With
// REDIS_URL=redis://localhost:6379 it runs on a live one, with a tenant of its
// own, and deletes its keys at the end.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Profile struct {
	Name   string   `redis:"name"`
	Score  int64    `redis:"score"`
	Active bool     `redis:"active"`
	Tags   []string `redis:"tags"`
}

type ChatState struct {
	Step    int       `redis:"step"`
	Topic   *string   `redis:"topic"` // nil: absent in Redis
	Started time.Time `redis:"started"`
}

type Order struct {
	Item  string  `redis:"item"`
	Price float64 `redis:"price,index"` // Find and Page by price
}

type Message struct {
	From, Text string
}

// A handle stands for a field. A misspelled field does not compile.
var (
	score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
	tags  = hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })
	step  = hashrepo.NumberOf(func(s *ChatState) *int { return &s.Step })
	price = hashrepo.NumberOf(func(o *Order) *float64 { return &o.Price })
)

func main() {
	ctx := context.Background()
	pools := must(open(ctx))
	defer pools.Close()
	keys := pools.Layout() // of a server, or of a cluster
	tenant := "quickstart-" + strings.ToLower(rand.Text()[:6])
	fmt.Println("The tenant is", tenant)

	title("User: a hash for each user")
	// Without an option, a record lives for 24 hours. Accounts must not expire.
	users := must(symphony.NewUser[Profile](pools, tenant, symphony.NoTTL()))
	check(users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100, Active: true, Tags: []string{"admin"}}))
	fmt.Printf("  changed in one step: %+v\n", must(users.Merge(ctx, "u1", score.Add(10), tags.Append("beta"))))
	_, err := users.Get(ctx, "nobody")
	fmt.Println("  a missing user is ErrNotFound:", errors.Is(err, symphony.ErrNotFound))
	show(ctx, pools, pool.User, must(keys.User.Key(tenant, "u1")))

	title("StateHandler: a conversation's state, for 24 hours; IfAbsent starts it once")
	chats := must(symphony.NewStateHandler[ChatState](pools, tenant, "chat"))
	start := chats.With(symphony.IfAbsent())
	check(start.Upsert(ctx, "u1", ChatState{Step: 1, Started: time.Now()}))
	err = start.Upsert(ctx, "u1", ChatState{})
	fmt.Println("  starting it again is ErrExists:", errors.Is(err, symphony.ErrExists))
	fmt.Printf("  merged: %+v\n", must(chats.Merge(ctx, "u1", step.Add(1))))
	show(ctx, pools, pool.Handlers, must(keys.State.Key(tenant, "chat", "u1")))

	title("Table: typed rows, with an index of the price")
	indexed := layoutWithIndexes(keys)
	orders := must(symphony.NewTable[Order](pools, tenant, "orders", symphony.NoTTL(), symphony.Layout(indexed)))
	for _, err := range orders.Reindex(ctx) { // once for each new tenant; until then, searches walk the database
		check(err)
	}
	for pk, order := range map[string]Order{"7": {"cup", 9.5}, "8": {"pot", 30}, "9": {"spoon", 2}} {
		check(orders.Upsert(ctx, pk, order))
	}
	for row, err := range orders.Find(ctx, price.Between(5, 50)) {
		check(err)
		fmt.Printf("  costs from 5 to 50: order %s is %+v\n", row.ID, row.Value)
	}
	cheapest := must(orders.Page(ctx, hashrepo.Query[Order]{Order: price.Asc(), Limit: 1}))
	fmt.Printf("  the cheapest: order %s is %+v\n", cheapest.Records[0].ID, cheapest.Records[0].Value)
	show(ctx, pools, pool.Handlers, must(indexed.Table.Key(tenant, "orders", "7")))

	title("SharedState: scratch that the tools of one user share")
	scratch := must(symphony.NewSharedState(pools, tenant, "u1"))
	check(scratch.Upsert(ctx, "search", symphony.Fields{"query": "red cups", "hits": 3, "done": false}))
	check(scratch.UpdateField(ctx, "search", "done", true))
	fmt.Println("  hits:", must(must(scratch.Get(ctx, "search"))["hits"].Int()))
	show(ctx, pools, pool.SharedState, must(keys.SharedState.Key(tenant, "search", "u1")))

	title("Trigger: work that falls due, here in half a second")
	triggers := must(symphony.NewTrigger(pools, tenant))
	action := "call-back-" + tenant // of this run alone
	called, stop := listen(ctx, pools, action)
	check(triggers.Set(ctx, action, "u1", 500*time.Millisecond))
	show(ctx, pools, pool.Expiry, must(triggers.Key(action, "u1")))
	fmt.Println("  fired:", <-called)
	stop()

	title("Batch: queues, and the tenants that wait")
	batch := must(symphony.NewBatch[Message](pools, tenant))
	mail := symphony.Queue{Service: tenant + "-mail", Entity: "u1", Action: "send"}
	must(batch.Enqueue(ctx, mail, Message{"Alice", "hi"}, Message{"Alice", "are you there?"}))
	show(ctx, pools, pool.Handlers, must(keys.BatchList.Key(tenant, mail.Service, "u1", "send")))
	must(batch.Process(ctx, mail, 10, func(_ context.Context, items []listrepo.Item[Message]) error {
		for _, item := range items {
			fmt.Printf("  sent: %+v\n", item.Value)
		}
		return nil // done; after an error, the items would come again
	}))

	title("Generic: one value under each key")
	limits := must(symphony.NewGeneric[map[string]int](pools, tenant))
	must(limits.GetOrLoad(ctx, "limits", func(context.Context) (map[string]int, error) {
		return map[string]int{"per_minute": 60}, nil
	}))
	show(ctx, pools, pool.Default, must(keys.Generic.Key(tenant, "limits")))

	title("The keys of this run are deleted; what stays says that the table is indexed: symphony.Erase finds it with a walk")
	must(users.Delete(ctx, "u1"))
	must(chats.Delete(ctx, "u1"))
	must(orders.DeleteAll(ctx))
	must(scratch.Delete(ctx, "search"))
	must(limits.Delete(ctx, "limits"))
	must(symphony.RemoveFromPending(ctx, pools, mail.Service, tenant)) // as a worker does
}

// layoutWithIndexes returns a layout in which all records of a tenant are in
// one slot of a cluster, which indexes need. On one server it is the layout.
func layoutWithIndexes(layout keyspace.Layout) keyspace.Layout {
	if layout == keyspace.Cluster() {
		return keyspace.ClusterByTenant()
	}
	return layout
}

// listen runs a listener, which fires triggers, until stop is called. The
// channel receives what it does.
func listen(ctx context.Context, pools *pool.Pools, action string) (called <-chan string, stop func()) {
	calls := make(chan string, 1)
	registry := expiry.NewRegistry()
	check(registry.On(action, func(_ context.Context, e expiry.Event) error {
		calls <- fmt.Sprintf("call %s of %s back", e.ID, e.Tenant)
		return nil
	}))
	listener := must(expiry.NewListener(pools, registry, expiry.Config{}))
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error)
	go func() { stopped <- listener.Run(ctx) }()
	return calls, func() {
		cancel()
		check(<-stopped)
	}
}

func open(ctx context.Context) (*pool.Pools, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return pool.Open(ctx, pool.Config{URL: url})
	}
	fmt.Println("On an embedded server. REDIS_URL=redis://localhost:6379 runs this on a live one.")
	return embedded.Open(ctx, pool.Config{})
}

func title(text string) { fmt.Printf("\n%s\n", text) }

// show prints keys as they are stored. It uses the rueidis client.
func show(ctx context.Context, pools *pool.Pools, alias pool.Alias, keys ...string) {
	client := must(pools.Client(alias))
	do := func(args ...string) rueidis.RedisResult { return client.Do(ctx, client.B().Arbitrary(args...).Build()) }
	for _, key := range keys {
		key = pools.Prefix(alias) + key
		kind := must(do("TYPE", key).ToString())
		read := map[string][]string{
			"hash": {"HGETALL", key}, "string": {"GET", key}, "list": {"LRANGE", key, "0", "-1"}, "set": {"SMEMBERS", key},
		}[kind]
		fmt.Printf("  %s (%s, ttl %d s): %v\n", key, kind, must(do("TTL", key).AsInt64()), must(do(read...).ToAny()))
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
