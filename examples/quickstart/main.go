// Quickstart uses each of the seven repositories and prints the keys as Redis
// stores them. It runs on an embedded server. With
// REDIS_URL=redis://localhost:6379 it runs on a live one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Profile struct {
	Name   string   `redis:"name"`
	Score  int64    `redis:"score"`
	Active bool     `redis:"active"`
	Tags   []string `redis:"tags"`
}

var (
	score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
	tags  = hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })
	step  = hashrepo.NumberOf(func(s *ChatState) *int { return &s.Step })
)

type ChatState struct {
	Step    int       `redis:"step"`
	Topic   *string   `redis:"topic"` // nil: absent in Redis
	Started time.Time `redis:"started"`
}

type Order struct {
	Item  string  `redis:"item"`
	Price float64 `redis:"price"`
}

type Message struct {
	From, Text string
}

const tenant = "acme"

func main() {
	ctx := context.Background()
	pools := must(open(ctx))
	defer pools.Close()
	keys := pools.Layout() // of a server, or of a cluster

	title("User: a hash for each user; 24 hours to live unless the options say otherwise")
	users := must(symphony.NewUser[Profile](pools, tenant, symphony.TTL(time.Hour)))
	check(users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100, Active: true, Tags: []string{"admin"}}))
	fmt.Printf("  changed in one step: %+v\n", must(users.Merge(ctx, "u1", score.Add(10), tags.Append("beta"))))
	_, err := users.Get(ctx, "nobody")
	fmt.Println("  a missing user is ErrNotFound:", errors.Is(err, symphony.ErrNotFound))
	show(ctx, pools, pool.User, must(keys.User.Key(tenant, "u1")))

	title("StateHandler: a conversation's state; IfAbsent starts it once")
	chats := must(symphony.NewStateHandler[ChatState](pools, tenant, "chat"))
	must(chats.Delete(ctx, "u1"))
	start := chats.With(symphony.IfAbsent())
	check(start.Upsert(ctx, "u1", ChatState{Step: 1, Started: time.Now()}))
	err = start.Upsert(ctx, "u1", ChatState{})
	fmt.Println("  starting it again is ErrExists:", errors.Is(err, symphony.ErrExists))
	fmt.Printf("  merged: %+v\n", must(chats.Merge(ctx, "u1", step.Add(1))))
	show(ctx, pools, pool.Handlers, must(keys.State.Key(tenant, "chat", "u1")))

	title("Table: typed rows")
	orders := must(symphony.NewTable[Order](pools, tenant, "orders", symphony.NoTTL()))
	check(orders.Upsert(ctx, "7", Order{Item: "cup", Price: 9.5}))
	row := must(orders.FindByField(ctx, "item", "cup"))
	fmt.Printf("  found by item: order %s is %+v\n", row.ID, row.Value)
	show(ctx, pools, pool.Handlers, must(keys.Table.Key(tenant, "orders", "7")))

	title("SharedState: scratch that the tools of one user share")
	scratch := must(symphony.NewSharedState(pools, tenant, "u1"))
	check(scratch.Upsert(ctx, "search", symphony.Fields{"query": "red cups", "hits": 3, "done": false}))
	check(scratch.UpdateField(ctx, "search", "done", true))
	fmt.Println("  hits:", must(must(scratch.Get(ctx, "search"))["hits"].Int()))
	show(ctx, pools, pool.SharedState, must(keys.SharedState.Key(tenant, "search", "u1")))

	title("Trigger: work that falls due")
	triggers := must(symphony.NewTrigger(pools, tenant))
	check(triggers.Set(ctx, "call-back", "u1", 30*time.Second))
	show(ctx, pools, pool.Expiry, must(triggers.Key("call-back", "u1")))

	title("Batch: queues, and the tenants that wait")
	batch := must(symphony.NewBatch[Message](pools, tenant))
	mail := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	must(batch.Enqueue(ctx, mail, Message{"Alice", "hi"}, Message{"Alice", "are you there?"}))
	fmt.Println("  tenants with mail to send:", must(symphony.PendingTenants(ctx, pools, "mail")))
	show(ctx, pools, pool.Handlers, must(keys.BatchList.Key(tenant, "mail", "u1", "send")), must(keys.PendingSet.Key("mail")))

	title("Generic: one value under each key")
	limits := must(symphony.NewGeneric[map[string]int](pools, tenant))
	must(limits.GetOrLoad(ctx, "limits", func(context.Context) (map[string]int, error) {
		return map[string]int{"per_minute": 60}, nil
	}))
	show(ctx, pools, pool.Default, must(keys.Generic.Key(tenant, "limits")))
}

func open(ctx context.Context) (*pool.Pools, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return pool.Open(ctx, pool.Config{URL: url})
	}
	fmt.Println("On an embedded server; REDIS_URL=redis://localhost:6379 runs this on a live one.")
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
