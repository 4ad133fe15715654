package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Profile struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"score"`
	Tags  []string `redis:"tags"`
}

func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{}) // pool.Open for a live server
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	users, err := symphony.NewUser[Profile](pools, "acme", symphony.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if err := users.Upsert(ctx, "u1", Profile{Name: "Alice", Score: 100}); err != nil {
		log.Fatal(err)
	}
	alice, err := users.Get(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(alice.Name, alice.Score)
	// Output: Alice 100
}

func ExampleUser_With() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Profile](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	once := users.With(symphony.IfAbsent())
	fmt.Println(once.Upsert(ctx, "u1", Profile{Name: "Alice"}))
	fmt.Println(errors.Is(once.Upsert(ctx, "u1", Profile{Name: "Bob"}), symphony.ErrExists))
	// Output:
	// <nil>
	// true
}

func ExampleNewSharedState() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	scratch, err := symphony.NewSharedState(pools, "acme", "u1")
	if err != nil {
		log.Fatal(err)
	}

	// One tool writes,
	if err := scratch.Upsert(ctx, "search", symphony.Fields{"query": "cups", "hits": 3}); err != nil {
		log.Fatal(err)
	}
	// another reads what it needs, as the type that it needs.
	values, err := scratch.Get(ctx, "search")
	if err != nil {
		log.Fatal(err)
	}
	hits, err := values["hits"].Int()
	fmt.Println(values["query"], hits, err)
	// Output: cups 3 <nil>
}

func ExampleNewBatch() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	length, err := mail.Enqueue(ctx, queue, "hello", "are you there?")
	fmt.Println(length, err)
	waiting, err := symphony.PendingTenants(ctx, pools, "mail")
	fmt.Println(waiting, err)
	items, err := mail.Chunk(ctx, queue, 0, -1)
	fmt.Println(items, err)
	// Output:
	// 2 <nil>
	// [acme] <nil>
	// [hello are you there?] <nil>
}

// A worker of the service "mail" works on whatever its tenants enqueue.
func ExampleWorkBatches() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello", "are you there?"); err != nil {
		log.Fatal(err)
	}

	send := func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
		for _, item := range items {
			fmt.Println(tenant, q.Entity, item.Value)
		}
		stop() // a service goes on
		return nil
	}
	fmt.Println(symphony.WorkBatches(ctx, pools, "mail", send, symphony.MaxAttempts(5)))
	// Output:
	// acme u1 hello
	// acme u1 are you there?
	// <nil>
}

func ExampleBatch_Process() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}

	done, err := mail.Process(ctx, queue, 100, func(context.Context, []listrepo.Item[string]) error {
		return errors.New("no route to host")
	})
	fmt.Println(done, err)
	done, err = mail.Process(ctx, queue, 100, func(_ context.Context, items []listrepo.Item[string]) error {
		fmt.Println(items[0].Value, "attempt", items[0].Attempt)
		return nil
	})
	fmt.Println(done, err)
	removed, err := symphony.RemoveFromPending(ctx, pools, "mail", "acme")
	fmt.Println(removed, err)
	// Output:
	// 0 no route to host
	// hello attempt 2
	// 1 <nil>
	// true <nil>
}

func ExampleTrigger_Touch() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	// Every message puts the summary off by five seconds, and by a minute at most
	// after the first; package expiry runs it.
	for range 3 {
		if err := triggers.Touch(ctx, "summarize", "chat9", 5*time.Second, time.Minute); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(triggers.Delete(ctx, "summarize", "chat9"))
	fmt.Println(triggers.Delete(ctx, "summarize", "chat9"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleOpError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Profile](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	_, err = users.Get(ctx, "nobody")
	var op *symphony.OpError
	fmt.Println(errors.As(err, &op), op.Op, op.Key, op.MaybeApplied())
	fmt.Println(errors.Is(err, symphony.ErrNotFound))
	// Output:
	// true Get acme:user:nobody false
	// true
}

// A user that a Python service left, read by a Go one.
func ExampleLayout() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	redis, err := pools.Client(pool.User)
	if err != nil {
		log.Fatal(err)
	}
	python := redis.B().Hset().Key("acme:user:u:1").FieldValue().
		FieldValue("name", "1").
		FieldValue("active", "1").
		FieldValue("seen", "2024-05-06T07:08:09").
		FieldValue("address", `{"street": "Cra 7", "primary": "1", "zip": null}`)
	if err := redis.Do(ctx, python.Build()).Error(); err != nil {
		log.Fatal(err)
	}

	type user struct {
		Name    string    `redis:"name"`
		Active  bool      `redis:"active"`
		Seen    time.Time `redis:"seen"`
		Address struct {
			Street  string  `redis:"street"`
			Primary bool    `redis:"primary"`
			Zip     *string `redis:"zip"`
		} `redis:"address"`
	}
	users, err := symphony.NewUser[user](pools, "acme", symphony.Layout(keyspace.Python()))
	if err != nil {
		log.Fatal(err)
	}
	u, err := users.Get(ctx, "u:1")
	fmt.Printf("%q %v %v\n", u.Name, u.Active, u.Seen)
	fmt.Println(u.Address.Street, u.Address.Primary, u.Address.Zip, err)
	// Output:
	// "1" true 2024-05-06 07:08:09 +0000 UTC
	// Cra 7 true <nil> <nil>
}
