package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
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
